#!/usr/bin/env bash
# s5cmd in its default settings: bucket, many small files at once, a multipart upload, list, copy, move, sync (twice), remove by
# pattern.
# Environment: ECLUSE_ENDPOINT, ECLUSE_CA, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY; works in the current directory.
set -euo pipefail
. "$(dirname "$0")/common.sh"
export SSL_CERT_FILE="$ECLUSE_CA" S3_ENDPOINT_URL="$ECLUSE_ENDPOINT" AWS_REGION=ca-central-1
s5() { s5cmd --log error "$@"; }

mkdir -p tree/sub
filled 0 tree/empty
filled 60000007 tree/large.bin # above s5cmd's part of 50 MiB
for n in $(seq 1 100); do echo "dossier $n" >"tree/sub/$n é.txt"; done
# Times are told to the second: a file of this very second looks newer than its object.
find tree -exec touch -d "1 minute ago" {} +

s5 mb s3://five
s5 cp "tree/*" s3://five/tree/
s5 cp "s3://five/tree/*" back/
diff -r tree back
[ "$(s5cmd ls "s3://five/tree/*" | wc -l)" = 102 ] || fail "102 files"
moved="$(s5cmd sync tree/ s3://five/tree/)"
[ -z "$moved" ] || fail "the second time something moved: $moved"
echo more >tree/more.txt
[ "$(s5cmd sync tree/ s3://five/tree/ | wc -l)" = 1 ] || fail "one new file"
s5 cp s3://five/tree/large.bin s3://five/copy.bin
s5 mv s3://five/copy.bin s3://five/moved.bin
s5 cat s3://five/moved.bin | cmp - tree/large.bin
s5 rm "s3://five/*"
[ -z "$(s5cmd ls s3://five/ 2>/dev/null)" ] || fail "something was left"
s5 rb s3://five
echo "s5cmd.sh: fine"
