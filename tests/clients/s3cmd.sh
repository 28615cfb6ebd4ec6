#!/usr/bin/env bash
# s3cmd: put, get, multipart, list, copy, move, sync (twice), delete.
# Environment: ECLUSE_ENDPOINT, ECLUSE_CA, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY; works in the current directory.
set -euo pipefail
. "$(dirname "$0")/common.sh"
host="${ECLUSE_ENDPOINT#https://}"
cat >s3cfg <<C
[default]
access_key = $AWS_ACCESS_KEY_ID
secret_key = $AWS_SECRET_ACCESS_KEY
host_base = $host
host_bucket = $host
ca_certs_file = $ECLUSE_CA
use_https = True
C
s3() { s3cmd -c s3cfg --no-progress "$@"; }

mkdir -p tree/sub
filled 0 tree/empty
filled 200000 tree/small.bin
filled 17825799 tree/large.bin # above s3cmd's 15 MiB: a multipart upload
echo "é" >"tree/sub/été 1+1.txt"

s3 mb s3://cmd-seau
s3 put tree/small.bin s3://cmd-seau/one/small.bin
s3 get s3://cmd-seau/one/small.bin small.back
cmp tree/small.bin small.back
s3 put tree/large.bin s3://cmd-seau/one/large.bin
s3 get s3://cmd-seau/one/large.bin large.back
cmp tree/large.bin large.back
s3 put --add-header="x-amz-meta-patient: Tremblay" --mime-type=application/dicom tree/small.bin s3://cmd-seau/one/meta
s3 info s3://cmd-seau/one/meta | grep "application/dicom" >/dev/null || fail "content type lost"
[ "$(s3 ls s3://cmd-seau/one/ | wc -l)" = 3 ] || fail "ls"

s3 sync tree/ s3://cmd-seau/tree/
second="$(s3 sync tree/ s3://cmd-seau/tree/)"
case "$second" in *upload:*) fail "the second sync up copied: $second" ;; esac
mkdir back
s3 sync s3://cmd-seau/tree/ back/
second="$(s3 sync s3://cmd-seau/tree/ back/)"
case "$second" in *download:*) fail "the second sync down copied: $second" ;; esac
diff -r tree back

s3 cp s3://cmd-seau/one/small.bin s3://cmd-seau/two/copied
s3 mv s3://cmd-seau/two/copied s3://cmd-seau/two/moved
s3 get s3://cmd-seau/two/moved moved.back
cmp tree/small.bin moved.back
s3 du s3://cmd-seau/two/ | grep "^ *200000 " >/dev/null || fail "du"
s3 del s3://cmd-seau/two/moved
[ -z "$(s3 ls s3://cmd-seau/two/)" ] || fail "del"
s3 del --recursive --force s3://cmd-seau
s3 rb s3://cmd-seau
echo "s3cmd.sh: fine"
