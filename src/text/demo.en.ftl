# `ecluse demo`.
demo-title = Écluse: a demonstration. Every patient is invented.
demo-endpoint = S3 endpoint        { $value }
demo-config = Configuration      { $value }
demo-provider = Provider's folder  { $value }
demo-storing = Storing records in the bucket “{ $bucket }” over TLS, and reading them back…
demo-hospital-sees = What the hospital sees
demo-provider-holds = What the provider holds
demo-all-came-back = Every record came back byte for byte, with its type.
demo-came-back-changed = CHANGED: { $name } did not come back as it was stored.
demo-searching = Searching all names and bytes at the provider:
demo-found = { $count } found
demo-proven = The provider holds nothing readable.
demo-disproven = THE DEMONSTRATION FAILED: see above. Please report it.
demo-try = Try it yourself, in another terminal:
demo-serving = Serving until Ctrl-C.
