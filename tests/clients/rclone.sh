#!/usr/bin/env bash
# rclone in its default settings: copy, check, sync (twice, nothing moves), cat with offsets, server-side copy, move.
# Environment: ECLUSE_ENDPOINT, ECLUSE_CA, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY; works in the current directory.
set -euo pipefail
export RCLONE_CONFIG="$PWD/rclone.conf" RCLONE_CA_CERT="$ECLUSE_CA"
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
fail() { echo "rclone.sh: $*" >&2; exit 1; }
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
head -c 12582921 /dev/urandom >tree/medium.bin
head -c 209715207 /dev/zero | tr '\0' 'e' >tree/large.txt # above rclone's 200 MiB cutoff: a multipart upload
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
[ -z "$(rclone lsd gw:)" ] || fail "the bucket is still there"
echo "rclone.sh: fine"
