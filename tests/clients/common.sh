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
