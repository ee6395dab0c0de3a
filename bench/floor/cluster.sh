#!/bin/sh
# On one control plane: what the cluster itself holds, as soon as its API answers; then until every node is Ready.
# Beside it: `server` (URL of the API), `nodes` (NAME LABEL a line), operator.crt and operator.key.
set -eu
ask() {
    /usr/local/bin/kubectl --kubeconfig=/dev/null --server="$(cat server)" \
        --certificate-authority=/etc/kubernetes/pki/ca.crt \
        --client-certificate=operator.crt --client-key=operator.key "$@"
}
until curl --silent --fail --output /dev/null --cacert /etc/kubernetes/pki/ca.crt "$(cat server)/readyz"; do
    sleep 0.2
done
echo "$(cut -d' ' -f1 /proc/uptime) API answers"
until ask apply --server-side --force-conflicts --filename=/etc/kubernetes/addons/ >/dev/null; do sleep 0.5; done
echo "$(cut -d' ' -f1 /proc/uptime) add-ons are applied"
names=$(sed 's|^\([^ ]*\) .*|node/\1|' nodes)
ask wait --timeout=300s --for=create $names >/dev/null
ask wait --timeout=300s --for=condition=Ready $names >/dev/null
echo "$(cut -d' ' -f1 /proc/uptime) nodes are Ready"
while read -r name label; do
    ask label --overwrite node "$name" "$label" >/dev/null
done <nodes
