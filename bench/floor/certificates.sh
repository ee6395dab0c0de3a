#!/bin/sh
# Makes a new key and certificate for each line of standard input: AUTHORITY CERTIFICATE KEY. The prepared
# certificate gives subject and extensions; a KEY that is the CERTIFICATE means both in one file.
set -eu
days=365
new=$(mktemp -d)
trap 'rm -r "$new"' EXIT
umask 077
while read -r authority certificate key; do
    openssl ecparam -name prime256v1 -genkey -noout -out "$new/key"
    openssl x509 -x509toreq -in "$certificate" -signkey "$new/key" -copy_extensions copyall -out "$new/request" 2>/dev/null
    openssl x509 -req -in "$new/request" -copy_extensions copyall -days $days -set_serial "0x$(openssl rand -hex 16)" \
        -CA "authorities/$authority.crt" -CAkey "authorities/$authority.key" -out "$new/certificate" 2>/dev/null
    # Written into the prepared files, which have the owners and modes.
    cat "$new/certificate" >"$certificate"
    if [ "$key" = "$certificate" ]; then cat "$new/key" >>"$key"; else cat "$new/key" >"$key"; fi
done
