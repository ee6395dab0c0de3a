#!/bin/sh
# One host: packages, binaries and certificates at the same time, then every unit at once.
# Beside it: users (NAME UID GID a line), packages, binaries (URL PATH a line), certificates (see certificates.sh),
# units, images; on one host also cluster.sh, which waits for the API meanwhile.
set -eu
cd /run/floor
exec </dev/null
say() { echo "$(cut -d' ' -f1 /proc/uptime) $*"; }

say begins
while read -r name user group; do
    groupadd --system --gid "$group" "$name"
    useradd --system --uid "$user" --gid "$group" --home-dir /nonexistent --shell /usr/sbin/nologin "$name"
done <users

packages() {
    # Services of packages are started with all others.
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
    # The image's lists of packages are fresh: provision does not fetch them either.
    DEBIAN_FRONTEND=noninteractive xargs apt-get -qq -y --no-install-recommends \
        -o Dpkg::Options::=--force-confold -o Dpkg::Use-Pty=0 install <packages
    rm /usr/sbin/policy-rc.d
    say "packages are there"
}

binaries() {
    sed 's/^\([^ ]*\) \(.*\)$/url = "\1"\noutput = "\2"/' binaries |
        curl --silent --show-error --no-progress-meter --fail --parallel --parallel-max 4 --create-dirs --config -
    cut -d' ' -f2 binaries | xargs chmod 755
    say "binaries are there"
}

sh certificates.sh <certificates && say "certificates are there" &
made=$!
binaries &
fetched=$!
packages &
installed=$!
for part in $made $fetched $installed; do wait "$part"; done

cat /etc/sysctl.d/99-kubernetes*.conf | sysctl --quiet --load=-
systemctl daemon-reload
xargs systemctl start --no-block <units
say "units are starting"
if [ -e cluster.sh ]; then sh cluster.sh & fi
until [ -S /run/containerd/containerd.sock ]; do sleep 0.1; done
while read -r image; do
    ctr --namespace=k8s.io images pull --hosts-dir=/etc/containerd/certs.d "$image" >/dev/null
done <images
say "images are there"
wait
rm -r /run/floor
