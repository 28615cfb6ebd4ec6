#!/usr/bin/env bash
# aws-cli in its default settings: copy, sync (twice), move, list, presign, remove, and a bit of s3api.
# Environment: ECLUSE_ENDPOINT, ECLUSE_CA, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY; works in the current directory.
set -euo pipefail
. "$(dirname "$0")/common.sh"
export AWS_CA_BUNDLE="$ECLUSE_CA" AWS_ENDPOINT_URL="$ECLUSE_ENDPOINT" AWS_DEFAULT_REGION=ca-central-1 AWS_PAGER=

mkdir -p tree/sub/deep "tree/été 2026"
filled 0 tree/empty
filled 100000 tree/small.bin
filled 20971527 tree/large.dcm
echo "MSH|^~\\&|ADT" >"tree/été 2026/admission 1+1 100%.hl7"
echo deep >tree/sub/deep/file.txt

aws s3 mb s3://cli-seau
[ "$(aws s3 ls | awk '{print $3}')" = cli-seau ] || fail "ls shows no bucket"

aws s3 cp --no-progress tree/large.dcm s3://cli-seau/one/large.dcm
aws s3 cp --no-progress s3://cli-seau/one/large.dcm large.back
cmp tree/large.dcm large.back
aws s3 cp --no-progress - s3://cli-seau/one/piped <tree/small.bin
aws s3 cp --no-progress s3://cli-seau/one/piped - | cmp - tree/small.bin

aws s3 sync --no-progress tree s3://cli-seau/tree
second="$(aws s3 sync --no-progress tree s3://cli-seau/tree)"
[ -z "$second" ] || fail "the second sync up copied: $second"
aws s3 sync --no-progress s3://cli-seau/tree back
second="$(aws s3 sync --no-progress s3://cli-seau/tree back)"
[ -z "$second" ] || fail "the second sync down copied: $second"
diff -r tree back
[ "$(aws s3 ls --recursive s3://cli-seau/tree/ | wc -l)" = 5 ] || fail "not five objects listed"
aws s3 ls s3://cli-seau/tree/ | grep "PRE sub/" >/dev/null || fail "no common prefix listed"
aws s3 ls s3://cli-seau/tree/ | grep -E " 20971527 large.dcm" >/dev/null || fail "wrong size listed"

aws s3 cp --no-progress s3://cli-seau/tree/small.bin s3://cli-seau/copied.bin
aws s3 mv --no-progress s3://cli-seau/copied.bin s3://cli-seau/moved.bin
if aws s3 ls s3://cli-seau/copied.bin >/dev/null; then fail "the source of a move is still there"; fi
aws s3 cp --no-progress s3://cli-seau/moved.bin - | cmp - tree/small.bin
aws s3 mv --no-progress s3://cli-seau/one/large.dcm moved.dcm
cmp tree/large.dcm moved.dcm

url="$(aws s3 presign s3://cli-seau/moved.bin --expires-in 300)"
fetch "$url" | cmp - tree/small.bin

aws s3api put-object --bucket cli-seau --key api.txt --body tree/small.bin --metadata patient=Tremblay \
    --content-type text/plain --checksum-algorithm SHA256 >/dev/null
[ "$(aws s3api head-object --bucket cli-seau --key api.txt --query 'Metadata.patient' --output text)" = Tremblay ] ||
    fail "metadata lost"
aws s3api get-object --bucket cli-seau --key api.txt --range bytes=10-19 range.bin >/dev/null
cmp range.bin <(tail -c +11 tree/small.bin | head -c 10)
[ "$(aws s3api list-objects-v2 --bucket cli-seau --prefix tree/ --max-items 2 --query 'length(Contents)')" = 2 ] ||
    fail "page of two"

aws s3api put-bucket-tagging --bucket cli-seau --tagging 'TagSet=[{Key=service,Value=radiologie},{Key=site,Value=Hôpital nord}]'
[ "$(aws s3api get-bucket-tagging --bucket cli-seau --query 'TagSet[?Key==`site`].Value' --output text)" = "Hôpital nord" ] ||
    fail "tags of a bucket lost"
aws s3api delete-bucket-tagging --bucket cli-seau
if aws s3api get-bucket-tagging --bucket cli-seau 2>/dev/null; then fail "tags of a bucket are still there"; fi

rm "back/small.bin"
aws s3 sync --no-progress --delete back s3://cli-seau/tree | grep "^delete: s3://cli-seau/tree/small.bin" >/dev/null ||
    fail "sync --delete"
if aws s3 rb s3://cli-seau 2>/dev/null; then fail "a full bucket was removed"; fi
aws s3 rm --quiet --recursive s3://cli-seau
[ -z "$(aws s3 ls --recursive s3://cli-seau || true)" ] || fail "objects left"
aws s3 rb s3://cli-seau
echo "aws_cli.sh: fine"
