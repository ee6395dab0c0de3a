#!/bin/sh
# Makes a new key and certificate for each line of standard input: AUTHORITY CERTIFICATE KEY. The prepared
# certificate gives subject and extensions; a KEY that is the CERTIFICATE means both in one file.
set -eu
days=365
new=$(mktemp -d)
trap 'rm -r "$new"' EXIT
umask 077
while read -r authority certificate key; do
    openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$new/key" 2>/dev/null ||
        openssl ecparam -name prime256v1 -genkey -noout -out "$new/key"
    openssl pkey -in "$new/key" -pubout -out "$new/public"
    openssl x509 -in "$certificate" -force_pubkey "$new/public" -days $days -set_serial "0x$(openssl rand -hex 16)" \
        -CA "authorities/$authority.crt" -CAkey "authorities/$authority.key" -out "$new/certificate" 2>/dev/null
    # Written into the prepared files, which have the owners and modes.
    cat "$new/certificate" >"$certificate"
    if [ "$key" = "$certificate" ]; then cat "$new/key" >>"$key"; else cat "$new/key" >"$key"; fi
done
