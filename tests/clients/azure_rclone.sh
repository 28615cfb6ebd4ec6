#!/usr/bin/env bash
# rclone's azureblob backend in its default settings, by key: copy, check, sync (twice, nothing moves), a file in many
# blocks, cat with offsets, server-side copy, move, purge.
# Argument: --azurite for that. Environment: ECLUSE_AZURE_ENDPOINT, AZURE_STORAGE_ACCOUNT, AZURE_STORAGE_KEY, and ECLUSE_CA over TLS; works in the current
# directory.
set -euo pipefail
export RCLONE_CONFIG="$PWD/rclone.conf"
if [ -n "${ECLUSE_CA:-}" ]; then export RCLONE_CA_CERT="$ECLUSE_CA"; fi
cat >"$RCLONE_CONFIG" <<C
[gw]
type = azureblob
account = $AZURE_STORAGE_ACCOUNT
key = $AZURE_STORAGE_KEY
endpoint = $ECLUSE_AZURE_ENDPOINT
C
# Azurite, against which this is calibrated, knows no blocks from a URL.
if [ "${1:-}" = --azurite ]; then export RCLONE_AZUREBLOB_COPY_CUTOFF=256Mi; fi
unset AZURE_STORAGE_ACCOUNT AZURE_STORAGE_KEY
fail() { echo "azure_rclone.sh: $*" >&2; exit 1; }
# How many files a run transferred, from its statistics.
transferred() {
    rclone "$@" --use-json-log --log-level INFO --stats 1h --stats-log-level NOTICE 2>&1 | python -c '
import json, sys
last = 0
for line in sys.stdin:
    record = json.loads(line)
    last = record.get("stats", {}).get("transfers", last)
print(last)'
}

mkdir -p tree/sub "tree/dossier é"
head -c 0 /dev/null >tree/empty
head -c 300000 /dev/urandom >tree/small.bin
head -c 12582921 /dev/urandom >tree/medium.bin # four blocks of rclone's 4 MiB
head -c 104857607 /dev/zero | tr '\0' 'e' >tree/large.txt
echo "a" >"tree/dossier é/100% + é.txt"
echo "b" >tree/sub/file

rclone mkdir gw:rc-seau
[ "$(transferred copy tree gw:rc-seau/tree)" = 6 ] || fail "the first copy did not transfer six files"
[ "$(transferred copy tree gw:rc-seau/tree)" = 0 ] || fail "the second copy transferred"
[ "$(transferred sync tree gw:rc-seau/tree)" = 0 ] || fail "sync after copy transferred"
[ "$(transferred sync --checksum tree gw:rc-seau/tree)" = 0 ] || fail "sync by checksum transferred"
rclone check tree gw:rc-seau/tree
rclone check --download tree gw:rc-seau/tree
[ "$(transferred sync gw:rc-seau/tree back)" = 6 ] || fail "the first sync down did not transfer six files"
[ "$(transferred sync gw:rc-seau/tree back)" = 0 ] || fail "the second sync down transferred"
diff -r tree back

rclone lsjson -R --hash --files-only gw:rc-seau/tree | python -c '
import hashlib, json, os, sys
found = {entry["Path"]: entry for entry in json.load(sys.stdin)}
assert len(found) == 6, sorted(found)
for path, entry in found.items():
    data = open(os.path.join("tree", path), "rb").read()
    assert entry["Size"] == len(data), (path, entry)
    assert entry["Hashes"]["md5"] == hashlib.md5(data).hexdigest(), (path, entry)'
cmp <(rclone cat --offset 8388600 --count 20 gw:rc-seau/tree/medium.bin) <(tail -c +8388601 tree/medium.bin | head -c 20)
cmp <(rclone cat --tail 5 gw:rc-seau/tree/medium.bin) <(tail -c 5 tree/medium.bin)

rclone copyto gw:rc-seau/tree/medium.bin gw:rc-seau/other/copied.bin
cmp <(rclone cat gw:rc-seau/other/copied.bin) tree/medium.bin
rclone copyto gw:rc-seau/tree/large.txt gw:rc-seau/other/large.txt # above the cutoff of Copy Blob: blocks from a URL
cmp <(rclone cat gw:rc-seau/other/large.txt) tree/large.txt
rclone deletefile gw:rc-seau/other/large.txt
rclone moveto gw:rc-seau/other/copied.bin gw:rc-seau/other/moved.bin
[ "$(rclone lsf gw:rc-seau/other/)" = moved.bin ] || fail "moveto"
head -c 7000000 tree/large.txt | rclone rcat gw:rc-seau/other/piped
[ "$(rclone size --json gw:rc-seau/other/piped | python -c 'import json,sys; print(json.load(sys.stdin)["bytes"])')" = 7000000 ] ||
    fail "rcat"
echo changed >tree/sub/file
[ "$(transferred sync tree gw:rc-seau/tree)" = 1 ] || fail "one changed file, not one transfer"
rm tree/small.bin
rclone sync tree gw:rc-seau/tree
[ "$(rclone lsf -R --files-only gw:rc-seau/tree | wc -l)" = 5 ] || fail "sync did not delete"
rclone purge gw:rc-seau
[ -z "$(rclone lsf gw: | grep '^rc-seau')" ] || fail "the container is still there"
echo "azure_rclone.sh: fine"
