#!/usr/bin/env bash
# azcopy by SAS: sync up and down (twice, nothing moves), a large file in parallel blocks, a copy within the gateway, remove.
# Environment: ECLUSE_AZURE_ENDPOINT, AZURE_STORAGE_ACCOUNT, AZURE_STORAGE_KEY, and ECLUSE_CA over TLS; works in the current
# directory.
set -euo pipefail
. "$(dirname "$0")/common.sh"
if [ -n "${ECLUSE_CA:-}" ]; then export SSL_CERT_FILE="$ECLUSE_CA"; fi
export PYTHONPATH="$(dirname "$0")" AZCOPY_LOG_LOCATION="$PWD/log" AZCOPY_JOB_PLAN_LOCATION="$PWD/log" AZCOPY_CONCURRENCY_VALUE=8
sas="$(python - <<'P'
from azure.storage.blob import generate_account_sas

from azure_common import ACCOUNT, KEY, connect, in_time

# azcopy's own `make` takes no address with the account in its path.
connect().create_container("azcopy-seau")
print(generate_account_sas(ACCOUNT, KEY, "co", "rwdlac", in_time(hours=1)))
P
)"
unset AZURE_STORAGE_ACCOUNT AZURE_STORAGE_KEY
seau="$ECLUSE_AZURE_ENDPOINT/azcopy-seau"
# How many files a run moved, or how it ended. What an address is, azcopy cannot tell from one with the account in its path.
moved() {
    azcopy "$@" --skip-version-check --output-type=json >said || { cat said >&2; echo failed; return; }
    moved_by_azcopy <said
}
up() { moved sync tree "$seau/tree?$sas" --from-to=LocalBlob --block-size-mb=4; }
down() { moved sync "$seau/tree?$sas" back --from-to=BlobLocal; }

mkdir -p tree/sub back
filled 0 tree/empty
filled 1 tree/one
filled 100000 tree/small.bin
filled 37748743 tree/large.dcm # ten blocks
echo "MSH|^~\\&|ADT" >"tree/sub/admission é 100%.hl7"
# Azure tells times to the second: a file of this very second looks newer than its blob.
find tree -exec touch -d "1 minute ago" {} +

[ "$(up)" = 5 ] || fail "the first sync up did not move five files"
[ "$(up)" = 0 ] || fail "the second sync up moved something"
[ "$(down)" = 5 ] || fail "the first sync down did not move five files"
[ "$(down)" = 0 ] || fail "the second sync down moved something"
diff -r tree back
echo changed >tree/sub/more
[ "$(up)" = 1 ] || fail "one new file, and not one moved"
[ "$(moved copy "$seau/tree?$sas" "$seau/copied?$sas" --from-to=BlobBlob --recursive)" = 6 ] || fail "the copy within the gateway"
[ "$(moved copy "$seau/copied/tree/*?$sas" copied --from-to=BlobLocal --recursive)" = 6 ] || fail "the copy did not come back"
diff -r tree copied
[ "$(moved remove "$seau?$sas" --from-to=BlobTrash --recursive)" = 12 ] || fail "remove"
[ "$(moved sync "$seau?$sas" back --from-to=BlobLocal --delete-destination=true)" = 0 ] || fail "something was left"
[ -z "$(find back -type f)" ] || fail "sync did not delete"
echo "azure_azcopy.sh: fine"
