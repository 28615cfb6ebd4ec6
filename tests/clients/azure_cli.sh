#!/usr/bin/env bash
# The Azure CLI's storage commands: containers, upload (a large file in blocks), list, show, download, copy, metadata, batches,
# sync twice, a signature, delete. By connection string, or, where the account is in the host's name, by a cloud of the
# hospital's own.
# Environment: ECLUSE_AZURE_ENDPOINT, AZURE_STORAGE_ACCOUNT, AZURE_STORAGE_KEY, and ECLUSE_CA over TLS; ECLUSE_AZURE_DOMAIN for
# the second way; ECLUSE_AZ is the program, azcopy is on the path; works in the current directory.
set -euo pipefail
. "$(dirname "$0")/common.sh"
if [ -n "${ECLUSE_CA:-}" ]; then export REQUESTS_CA_BUNDLE="$ECLUSE_CA" SSL_CERT_FILE="$ECLUSE_CA"; fi
export AZURE_CONFIG_DIR="$PWD/azure" AZURE_CORE_COLLECT_TELEMETRY=0 AZURE_CORE_ONLY_SHOW_ERRORS=1 AZURE_CORE_NO_COLOR=1
export AZCOPY_LOG_LOCATION="$PWD/azcopy" AZCOPY_JOB_PLAN_LOCATION="$PWD/azcopy"
if [ -n "${ECLUSE_AZURE_DOMAIN:-}" ]; then
    "$ECLUSE_AZ" cloud register --name hospital --skip-endpoint-discovery --suffix-storage-endpoint "$ECLUSE_AZURE_DOMAIN" \
        --endpoint-resource-manager https://none.invalid --endpoint-active-directory https://none.invalid \
        --endpoint-active-directory-resource-id https://none.invalid
    "$ECLUSE_AZ" cloud set --name hospital
    source=(--source-container cli-seau --source-blob tree/small.bin)
else
    export AZURE_STORAGE_CONNECTION_STRING="DefaultEndpointsProtocol=${ECLUSE_AZURE_ENDPOINT%%:*};AccountName=$AZURE_STORAGE_ACCOUNT;AccountKey=$AZURE_STORAGE_KEY;BlobEndpoint=$ECLUSE_AZURE_ENDPOINT;"
    unset AZURE_STORAGE_ACCOUNT AZURE_STORAGE_KEY
    # With --source-container, the CLI names a source at the cloud's own suffix, whatever the connection string says.
    source=(--source-uri "$ECLUSE_AZURE_ENDPOINT/cli-seau/tree/small.bin")
fi
blob() { "$ECLUSE_AZ" storage blob "$@"; }
container() { "$ECLUSE_AZ" storage container "$@"; }

mkdir -p tree/sub
filled 0 tree/empty
filled 100000 tree/small.bin
filled 20971527 tree/large.dcm
head -c 272629767 /dev/zero | tr '\0' 'e' >huge.dcm # above the 256 MiB that the CLI puts in one request: blocks of 8 MiB
echo "MSH|^~\\&|ADT" >"tree/sub/admission é 100%.hl7"

[ "$(container create --name cli-seau --query created -o tsv)" = true ] || fail "not created"
[ "$(container create --name cli-seau --query created -o tsv)" = false ] || fail "created twice"
[ "$(container exists --name cli-seau --query exists -o tsv)" = true ] || fail "not there"
[ "$(container list --query "[?name=='cli-seau'] | length(@)" -o tsv)" = 1 ] || fail "not listed"

blob upload --container-name cli-seau --name one/large.dcm --file huge.dcm --content-type application/dicom \
    --metadata patient=Tremblay --no-progress -o none
[ "$(blob show -c cli-seau -n one/large.dcm --query "[properties.contentLength, properties.contentSettings.contentType, metadata.patient] | join(' ', map(&to_string(@), @))" -o tsv)" = \
    "272629767 application/dicom Tremblay" ] || fail "show"
[ "$(blob show -c cli-seau -n one/large.dcm --query properties.contentSettings.contentMd5 -o tsv)" = "" ] || fail "not in blocks: its MD5 is known"
blob download -c cli-seau -n one/large.dcm --file huge.back --no-progress -o none
cmp huge.dcm huge.back
if blob upload -c cli-seau -n one/large.dcm --file tree/empty --no-progress -o none 2>said; then fail "overwritten unasked"; fi
grep -q "already exists" said || fail "refused for another reason: $(cat said)"
blob upload -c cli-seau -n one/large.dcm --file tree/small.bin --overwrite --no-progress -o none
blob download -c cli-seau -n one/large.dcm --file small.back --no-progress -o none
cmp tree/small.bin small.back

blob upload-batch -d cli-seau -s tree --destination-path tree --no-progress -o none
[ "$(blob list -c cli-seau --prefix tree/ --query 'length(@)' -o tsv)" = 4 ] || fail "not four blobs listed"
[ "$(blob list -c cli-seau --prefix tree/ --delimiter / --query '[].name' -o tsv | sort | tr '\n' ' ')" = "tree/empty tree/large.dcm tree/small.bin tree/sub/ " ] ||
    fail "hierarchy"
mkdir back
blob download-batch -d back -s cli-seau --pattern 'tree/*' --no-progress -o none
diff -r tree back/tree

[ "$(blob copy start --destination-container cli-seau --destination-blob copied "${source[@]}" --query copy_status -o tsv)" = success ] || fail "copy"
blob download -c cli-seau -n copied --file copied --no-progress -o none
cmp tree/small.bin copied
blob metadata update -c cli-seau -n copied --metadata examen=IRM -o none
[ "$(blob metadata show -c cli-seau -n copied --query examen -o tsv)" = IRM ] || fail "metadata"
blob set-tier -c cli-seau -n copied --tier Cool -o none
[ "$(blob show -c cli-seau -n copied --query properties.blobTier -o tsv)" = Cool ] || fail "tier"
snapshot="$(blob snapshot -c cli-seau -n copied --query snapshot -o tsv)"
[ "$(blob list -c cli-seau --prefix copied --include s --query "[?snapshot=='$snapshot'] | length(@)" -o tsv)" = 1 ] || fail "snapshot"
lease="$(blob lease acquire -c cli-seau -b copied --lease-duration 60 -o tsv)"
if blob delete -c cli-seau -n copied --delete-snapshots include 2>/dev/null; then fail "a leased blob was deleted"; fi
blob lease release -c cli-seau -b copied --lease-id "$lease" -o none

# azcopy, which `sync` runs, cannot tell what an address with the account in its path is. Azure tells times to the second.
find tree -exec touch -d "1 minute ago" {} +
up() { blob sync -c cli-seau -s tree -d synced -- --from-to=LocalBlob --skip-version-check --output-type=json; }
[ "$(up | moved_by_azcopy)" = 4 ] || fail "the first sync did not move four files"
[ "$(up | moved_by_azcopy)" = 0 ] || fail "the second sync moved something"

url="$(blob generate-sas -c cli-seau -n tree/small.bin --permissions r --expiry "$(date -u -d '+1 hour' +%Y-%m-%dT%H:%MZ)" --full-uri -o tsv)"
fetch "$url" | cmp - tree/small.bin

blob delete -c cli-seau -n copied --delete-snapshots include -o none
[ "$(blob exists -c cli-seau -n copied --query exists -o tsv)" = false ] || fail "still there"
blob delete-batch -s cli-seau --pattern '[ts]*/*' -o none
[ "$(blob list -c cli-seau --query '[].name' -o tsv)" = one/large.dcm ] || fail "delete-batch"
[ "$(container delete --name cli-seau --query deleted -o tsv)" = true ] || fail "not deleted"
echo "azure_cli.sh: fine"
