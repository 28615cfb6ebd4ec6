#!/usr/bin/env bash
# rclone in its default settings, through either front: copy, check, sync (twice, nothing moves), a file in many parts or
# blocks, cat with offsets, server-side copy, move, purge.
# Environment: ECLUSE_ENDPOINT, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY for S3; ECLUSE_AZURE_ENDPOINT, AZURE_STORAGE_ACCOUNT,
# AZURE_STORAGE_KEY for Azure; ECLUSE_CA over TLS. Argument: --azurite for that. Works in the current directory.
set -euo pipefail
. "$(dirname "$0")/common.sh"
export RCLONE_CONFIG="$PWD/rclone.conf"
if [ -n "${ECLUSE_CA:-}" ]; then export RCLONE_CA_CERT="$ECLUSE_CA"; fi
if [ -n "${ECLUSE_AZURE_ENDPOINT:-}" ]; then
    large=104857607 # blocks of 4 MiB are rclone's default for whatever is longer; copied in blocks from a URL above 8 MiB
    cat >"$RCLONE_CONFIG" <<C
[gw]
type = azureblob
account = $AZURE_STORAGE_ACCOUNT
key = $AZURE_STORAGE_KEY
endpoint = $ECLUSE_AZURE_ENDPOINT
C
    unset AZURE_STORAGE_ACCOUNT AZURE_STORAGE_KEY
else
    large=209715207 # above rclone's 200 MiB cutoff: a multipart upload
    cat >"$RCLONE_CONFIG" <<C
[gw]
type = s3
provider = Other
env_auth = false
access_key_id = $AWS_ACCESS_KEY_ID
secret_access_key = $AWS_SECRET_ACCESS_KEY
endpoint = $ECLUSE_ENDPOINT
region = us-east-1
C
fi
# Azurite, against which this is calibrated, knows no blocks from a URL.
if [ "${1:-}" = --azurite ]; then export RCLONE_AZUREBLOB_COPY_CUTOFF=256Mi; fi
# How many files a run transferred, from its statistics; `failed` when it did.
transferred() {
    rclone "$@" --use-json-log --log-level INFO --stats 1h --stats-log-level NOTICE 2>said || { cat said >&2; echo failed; return; }
    python -c '
import json, sys
stats = [record["stats"] for record in map(json.loads, sys.stdin) if "stats" in record]
print(stats[-1]["transfers"] if stats else "unknown")' <said
}

mkdir -p tree/sub "tree/dossier é"
filled 0 tree/empty
filled 300000 tree/small.bin
filled 12582921 tree/medium.bin
head -c "$large" /dev/zero | tr '\0' 'e' >tree/large.txt
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
rclone copyto gw:rc-seau/tree/large.txt gw:rc-seau/other/large.txt
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
[ -z "$(rclone lsd gw: | grep 'rc-seau')" ] || fail "the container is still there"
echo "rclone.sh: fine"
