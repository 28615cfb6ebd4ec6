#!/usr/bin/env bash
# restic: a repository made, two backups, everything read back and checked, restored, pruned.
# Environment: ECLUSE_ENDPOINT, ECLUSE_CA, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY; works in the current directory.
set -euo pipefail
. "$(dirname "$0")/common.sh"
export RESTIC_REPOSITORY="s3:$ECLUSE_ENDPOINT/restic-seau/depot" RESTIC_PASSWORD=essai RESTIC_CACHE_DIR="$PWD/cache"
r() { restic --cacert "$ECLUSE_CA" --quiet "$@"; }

mkdir -p tree/sub
filled 30000000 tree/large.bin
for n in $(seq 1 200); do echo "dossier $n" >"tree/sub/$n.txt"; done
echo é >"tree/été.txt"

r init
r backup tree
r check --read-data
echo more >tree/more.txt
rm tree/sub/7.txt
r backup tree
[ "$(r snapshots --json | python -c 'import json,sys; print(len(json.load(sys.stdin)))')" = 2 ] || fail "two snapshots"
r restore latest --target back
diff -r tree "back/tree"
r forget --keep-last 1 --prune
r check --read-data
rm -rf back
r restore latest --target back
diff -r tree "back/tree"
echo "restic.sh: fine"
