# What the shell scripts of clients share; they read it first.

fail() { echo "$(basename "$0"): $*" >&2; exit 1; }

# What an address gives to whoever holds it, to standard output.
fetch() {
    python - "$1" <<'P'
import os, ssl, sys, urllib.request
authority = os.environ.get("ECLUSE_CA")
context = ssl.create_default_context(cafile=authority) if authority else None
sys.stdout.buffer.write(urllib.request.urlopen(sys.argv[1], context=context).read())
P
}

# A file of so many bytes that looks like nothing in particular: `filled BYTES FILE`.
filled() { head -c "$1" /dev/urandom >"$2"; }

# How many files azcopy moved, from what it says in JSON; or how it ended.
moved_by_azcopy() {
    python -c '
import json, sys
lines = [json.loads(line) for line in sys.stdin if line.startswith("{")]
end = [json.loads(line["MessageContent"]) for line in lines if line["MessageType"] == "EndOfJob"][-1]
print(end["TransfersCompleted"] if end["JobStatus"] == "Completed" else end["JobStatus"])'
}
