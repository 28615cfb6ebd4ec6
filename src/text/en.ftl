# What operators read, in English. `fr.ftl` says the same in French; a test holds them together.
# error-CODE: what happened. cause-CODE: why. hint-CODE: what to do. Each CODE has its section in
# docs/operators/errors.md.

## Labels

label-error = error
label-cause = cause
label-hint = hint
label-see = see
errors-document = docs/operators/errors.md

## Help

help-template-usage = Usage
help-template-commands = Commands
help-template-options = Options
help-command-value = COMMAND
help-about = Encrypts everything that leaves for a cloud provider, with keys that stay here
help-demo = Shows the gateway at work on this machine, with made-up records
help-serve = Runs the gateway
help-check = Checks the configuration and everything that it names
help-clock = Compares the system's clock with the last time that is known
help-believe = Believe the system's clock from the next start on; only when you know that it is right
help-scrub = Looks at every chunk at the provider now (the gateway must be stopped)
help-orphans = List what is at the provider and belongs to nothing in the catalog, instead
help-delete = Delete the chunks among it; every copy of the catalog stops
help-catalog = Works with the catalog's file
help-compact = Gives what is free in the catalog's file back to the disk (the gateway must be stopped)
help-keys = Works with the root key
help-keys-init = Makes the root key, the catalog and its markers at the providers, each where it is missing
help-adopt = Lay markers for a catalog of version 0.1, after looking at some of its chunks
help-new-catalog = Make a new catalog though there is a root key: the old one is not needed or never was
help-epoch = Works with the epoch of the catalog
help-take-over = Makes this catalog the one that may write; every copy of it stops
help-other-gateway-is-stopped = Confirm that no other gateway runs on a copy of this catalog
help-read-only = Serve reads only, for a drill on a copy of the catalog beside the running gateway
help-config = The configuration file
help-offline = Do not ask the provider
help-quick = Look at some rows of the catalog only, however large it is
help-exit = End after the show instead of serving on
help-listen = Address and port of the demonstration's S3 front
help-data-dir = Folder of the demonstration; a temporary one when left out
help-lang = Language of messages: fr or en
help-help = Print help
help-version = Print the version
help-value-file = FILE
help-value-address = ADDRESS
help-value-folder = FOLDER
help-value-language = LANGUAGE

## What commands print

problems-one = One problem in { $path }
problems-many = { $count } problems in { $path }
keys-init-done = The root key was written to { $path }.
keys-init-key-there = The root key is there already: { $path }.
keys-init-catalog = The catalog was made: { $path }.
keys-init-catalog-there = The catalog is there already: { $path }.
keys-init-marker = The catalog's marker was laid at the provider { $name }.
keys-init-marker-there = The catalog's marker is at the provider { $name } already.
keys-init-adopted = The catalog's marker was laid at the provider { $name }, after { $parts } of its parts were found there and opened.
epoch-taken-over = Epoch { $epoch } was entered. This catalog may write; a gateway on any copy of it stops by itself.
keys-init-back-up = Back up this file now, on two media kept apart from this machine and from any provider. Without it nothing that was stored can ever be read again, by anyone.
keys-init-also = The catalog ({ $catalog }) is needed as well: root key and catalog together restore everything, neither does alone.
check-ok = ok       { $what }
check-skipped = skipped  { $what }
check-warning = warning  { $what }
check-configuration = configuration: { $path }
check-certificate = certificate and private key: { $path }
check-no-tls = TLS is off: every listener is on loopback
check-exposed = others may read or write { $path } (mode { $mode }): the start mends it if it belongs to the gateway's user
check-root-key = root key: { $custodian }
check-catalog = catalog: { $path }
check-catalog-quick = catalog: { $path }; { $versions } versions and { $parts } keys of parts were looked at, picked at random. Without --quick, all are
check-catalog-free = catalog: { $free } of the { $size } MiB of its file are free. They are used again; only “ecluse catalog compact” gives them back to the disk, while the gateway is stopped
check-running = catalog: { $path } is open in a gateway; a snapshot of this moment is looked at, and nothing is written at the providers
check-catalog-migration = catalog: { $path } has schema { $found }, and this version has { $known }: the next start changes it, after it has kept a copy beside it. Its rows can be looked at then
check-migration-2 = schema 2: the storage class of each object is in lists
check-migration-3 = schema 3: what the Azure front needs (leases, snapshots, blocks, tags)
check-migration-4 = schema 4: tables and columns for what this version keeps besides; contents stay as they are
check-migration-5 = schema 5: what is done to many versions of a name at once goes on in steps; contents stay as they are
check-migration-6 = schema 6: the deletions that wait are counted as they come and go; contents stay as they are
check-migration-7 = schema 7: tags of buckets
check-not-adopted = version 0.1 made this catalog: run “ecluse keys init --adopt --config FILE” before the next start
check-markers = the providers carry this catalog's marker, its epoch is the newest, and create-only writes are honoured
check-markers-seen = the providers carry this catalog's marker, and its epoch is the newest
catalog-compacted = The catalog had { $before } MiB, { $free } of them free, and now has { $after } MiB: { $path }. All of its { $rows } rows are as they were.
clock-nothing-known = clock: { $system }; no earlier time is known
clock-believed = clock: { $system }; the last time known is { $known }
clock-ahead = clock: { $system }, but the last time known is { $known }. What is kept for a time is kept by the latter: nothing ends early. If the gateway was off and the clock is right, say so with: ecluse clock --believe
clock-behind = clock: { $system }, but the last time known is { $known }. What is kept for a time is kept by the latter. If the clock is right and it was wrong before, say so with: ecluse clock --believe
clock-is-believed = The system's clock is believed from the next start on.
check-open-files = open files: { $allowed } are allowed, { $wanted } may be needed
check-open-files-few = open files: { $allowed } are allowed, but { $wanted } may be needed: raise LimitNOFILE, or lower limits.connections
check-client-s3-only = client { $id }: not through the Azure front, because its { $reason ->
    [id] id is not 3 to 24 lowercase letters and digits
   *[secret] secret is not base64
}
check-jwks = public keys of { $issuer }: { $place }
check-provider = provider: { $name }
scrub-provider = provider { $name }: { $parts } parts looked at, { $faulty } with a fault
orphan-chunk = chunk of nothing: { $name }
orphan-foreign = no chunk: { $name }
orphans-compared = provider { $name }: { $names } names listed: the catalog knows { $known }, { $young } are too young to be judged, { $orphans } chunks belong to nothing, { $foreign } files are no chunks
orphans-deleted = provider { $name }: { $deleted } chunks of nothing deleted, { $left } left
serve-listening = { $front } listens on { $address }

## Command line

error-usage-unknown-argument = The argument { $argument } is not known
cause-usage-unknown-argument = This command does not have it.
hint-usage-unknown-argument = “ecluse --help” and “ecluse COMMAND --help” show what there is.
error-usage-unknown-command = The command { $argument } is not known
cause-usage-unknown-command = Écluse has the commands demo, serve, check, scrub, keys init and epoch take-over.
hint-usage-unknown-command = “ecluse --help” shows what each does.
error-usage-missing-argument = Something is missing: { $argument }
cause-usage-missing-argument = The command cannot run without it.
hint-usage-missing-argument = For example: ecluse serve --config /etc/ecluse/ecluse.toml
error-usage-missing-command = Which command?
cause-usage-missing-command = Nothing was asked for.
hint-usage-missing-command = “ecluse demo” shows the gateway at work; “ecluse --help” lists the commands.
error-usage-invalid-value = The value { $value } does not fit { $argument }
cause-usage-invalid-value = The argument takes another kind of value, or has its value missing.
hint-usage-invalid-value = “ecluse COMMAND --help” shows what it takes. An address looks like 127.0.0.1:9000, a language is fr or en.
error-usage-other = The command line is not understood
cause-usage-other = An argument stands twice, or where none is expected.
hint-usage-other = “ecluse COMMAND --help” shows how the command is written.

## Configuration

error-config-unreadable = the configuration file cannot be read
cause-config-unreadable = { $reason ->
    [absent] There is no such file.
    [denied] The gateway's user may not read it.
    [folder] It is a folder.
    [encoding] It is not UTF-8.
   *[other] Reading it failed.
}
hint-config-unreadable = Check the path after --config, and that the gateway's user may read the file.
error-config-syntax = the file is not valid TOML at line { $line }, column { $column }
cause-config-syntax = A quotation mark or bracket is missing there or just before, or a key stands twice.
hint-config-syntax = Correct that line. Texts stand between double quotes: name = "value".
error-config-environment = this environment variable is not an override
cause-config-environment = After ECLUSE__ come the names of the key, with two underscores between them.
hint-config-environment = For example ECLUSE__WRITE__MEMORY for write.memory, ECLUSE__CLIENT__0__ID for the id of the first client.
error-config-unknown-key = this key does not exist
cause-config-unknown-key = Unknown keys are refused, so that a misspelt one is not silently without effect.
hint-config-unknown-key = { $similar ->
    [none] Remove it, or look it up in docs/operators/configuration.md.
   *[other] Did you mean { $similar }?
}
error-config-type = the value has the wrong type
cause-config-type = { $shape ->
    [text] A text is expected.
    [number] A whole number, zero or more, is expected.
    [texts] A list of texts is expected.
    [one-or-more] A text or a list of texts is expected.
    [pairs] A section of texts is expected.
    [table] A section is expected.
    [tables] A list of sections is expected.
   *[other] Another kind of value is expected.
}
hint-config-type = For example: { $example }
error-config-missing = this key is required
cause-config-missing = It has no default, or it is empty.
hint-config-missing = For example: { $example }
error-config-version = this version of the file is not known
cause-config-version = This gateway reads version 1.
hint-config-version = Write: version = 1
error-config-later = this is not available yet
cause-config-later = { $feature ->
    [postgres] PostgreSQL catalogs arrive with a later version.
    [custodian] Custodians other than a file arrive with a later version.
   *[providers] Several providers arrive with a later version.
}
hint-config-later = { $feature ->
    [postgres] Use SQLite: url = "sqlite:catalog.db"
    [custodian] Use the file custodian: custodian = "file"
   *[providers] Keep exactly one [[provider]] entry.
}
error-config-choice = this is not one of the possible values
cause-config-choice = Possible are: { $choices }.
hint-config-choice = For example: { $example }
error-config-range = the value is out of bounds
cause-config-range = The least is { $least }, the most is { $most }.
hint-config-range = For example: { $example }
error-config-size = this is not a size
cause-config-size = A size is a number and a unit: MiB, GiB, MB, GB.
hint-config-size = For example: { $example }
error-config-duration = this is not a duration
cause-config-duration = A duration is a number and a unit: ms, s, min, h, days.
hint-config-duration = For example: { $example }
error-config-name = this name is not allowed
cause-config-name = { $rule ->
    [client] A client's id has 1 to 128 printable ASCII characters, without spaces and / , =
    [tenant] A tenant has 1 to 64 lowercase letters, digits, hyphens, underscores and dots.
    [bucket] A bucket's name has 3 to 63 lowercase letters, digits, hyphens and dots, and begins and ends with a letter or digit.
    [provider] A provider's name has 1 to 64 lowercase letters, digits and hyphens.
   *[region] A region has lowercase letters, digits and hyphens.
}
hint-config-name = For example: { $example }
error-config-duplicate = this name is used twice
cause-config-duplicate = { $other } has the same one.
hint-config-duplicate = Give each entry a name of its own.
error-config-no-listener = no front listens
cause-config-no-listener = Without an [s3] or an [azure] section no client can reach the gateway.
hint-config-no-listener = Add a section [s3] with listen = "0.0.0.0:9000", or [azure] with listen = "0.0.0.0:10000", or both.
error-config-address = this is not an address with a port
cause-config-address = An IP address and a port are expected; host names are not looked up.
hint-config-address = For example: { $example }. IPv6 stands in brackets: listen = "[::]:9000"
error-config-address-twice = two listeners share one address
cause-config-address-twice = { $other } listens on the same port of the same address.
hint-config-address-twice = Give one of them another port.
error-config-plain-listener = a listener that is not on loopback would be without TLS
cause-config-plain-listener = Records and signatures would cross the network in the clear.
hint-config-plain-listener = Remove mode = "off" and name a certificate and its private key in [tls], or listen on 127.0.0.1.
error-config-domain = this is not a domain name
cause-config-domain = A domain has labels of lowercase letters, digits and hyphens, with dots between them.
hint-config-domain = For example: { $example }
error-config-azure-no-client = no client can use the Azure front
cause-config-azure-no-client = An Azure account name has 3 to 24 lowercase letters and digits, and an account key is base64. No client has such an id and such a secret.
hint-config-azure-no-client = Give a client such an id, and a secret made with: openssl rand -base64 32. Or remove the [azure] section.
error-config-copy-source = this is not a host that copies may come from
cause-config-copy-source = A host in lowercase is expected, with a port where it is not 443: no https://, no path, no pattern.
hint-config-copy-source = For example: { $example }
error-config-issuer = this is not the address of an issuer
cause-config-issuer = An address beginning with https:// is expected, without user name, password, “?” or “#”.
hint-config-issuer = For example: { $example }
error-config-issuer-plain = the issuer would be reached without TLS
cause-config-issuer-plain = http:// is accepted for loopback addresses only: whoever can change the keys on the way decides who gets in.
hint-config-issuer-plain = Write https://
error-config-jwks-source = where are the issuer's public keys?
cause-config-jwks-source = Exactly one of “file” and “url” says where they are; “ca” goes with “url” only.
hint-config-jwks-source = For example: { $example }
error-config-claim = this is not the name of a claim
cause-config-claim = A claim's name has 1 to { $most } printable ASCII characters, without spaces.
hint-config-claim = For example: { $example }
error-config-oidc-client = this client cannot use the Azure front
cause-config-oidc-client = { $reason ->
    [id] Its id is not an account name: 3 to 24 lowercase letters and digits.
    [secret] Its secret is not base64.
   *[absent] No [[client]] entry has this id.
}
hint-config-oidc-client = Name the id of a [[client]] entry that can use the Azure front, or remove this line.
error-config-tls-missing = no certificate is named
cause-config-tls-missing = Listeners use TLS unless it is turned off, which is possible on loopback only.
hint-config-tls-missing = Add to [tls]: certificate = "tls/server.pem" and private_key = "tls/server.key"
error-config-tls-conflict = TLS is off, and this file would not be used
cause-config-tls-conflict = mode = "off" and certificates exclude each other.
hint-config-tls-conflict = Remove mode = "off" to use TLS, or remove this key.
error-config-catalog-url = this is not the address of a catalog
cause-config-catalog-url = An SQLite file is expected, after “sqlite:”.
hint-config-catalog-url = For example: { $example }
error-config-no-provider = no provider is named
cause-config-no-provider = There would be no place to keep the chunks.
hint-config-no-provider = Add a [[provider]] entry, for example with kind = "dir" and path = "/srv/sealed".
error-config-other-kind = this key does not belong to this kind of provider
cause-config-other-kind = A provider of kind { $kind } does not use it.
hint-config-other-kind = Remove it, or correct the kind.
error-config-path-shared = the provider's folder holds the gateway's own files
cause-config-path-shared = The data folder or the catalog lies in it: keys and sealed chunks would be in one place.
hint-config-path-shared = Choose a folder of its own: { $example }
error-config-endpoint = this is not the address of a provider
cause-config-endpoint = An address beginning with https:// is expected, without user name, password, “?” or “#”.
hint-config-endpoint = For example: { $example }
error-config-endpoint-plain = the provider would be reached without TLS
cause-config-endpoint-plain = http:// is accepted for loopback addresses only.
hint-config-endpoint-plain = Write https://
error-config-min-copies = this number of copies cannot be kept
cause-config-min-copies = There must be at least one copy, and no more copies than providers. This version has one provider.
hint-config-min-copies = Write: min_copies = 1
error-config-no-client = no client is named
cause-config-no-client = Nobody could connect: there is no anonymous access.
hint-config-no-client = Add a [[client]] entry with id, tenant, secret and allow.
error-config-secret-inline = a secret stands in the configuration file
cause-config-secret-inline = Configuration files are copied, mailed and kept under version control. Secrets are read from a file or from the environment.
hint-config-secret-inline = Replace this secret, since others may have seen it, and write: { $example }
error-config-secret-source = where is the secret?
cause-config-secret-source = Exactly one of “file” and “env” says where it is.
hint-config-secret-source = For example: { $example }
error-config-secret-unreadable = the secret's file cannot be read
cause-config-secret-unreadable = { $path }: { $reason ->
    [absent] There is no such file.
    [denied] The gateway's user may not read it.
    [folder] It is a folder.
    [encoding] It is not UTF-8.
   *[other] Reading it failed.
}
hint-config-secret-unreadable = Make the file, owned by the gateway's user, with mode 0600. Relative paths begin at data_dir.
error-config-secret-exposed = others may open the secret's file
cause-config-secret-exposed = { $path } has mode { $mode }.
hint-config-secret-exposed = Run: chmod 0600 { $path }
error-config-secret-text = the secret's file is not a text
cause-config-secret-text = { $path } is not UTF-8, or is longer than 64 KiB.
hint-config-secret-text = Check that the right file is named.
error-config-secret-unset = the secret's environment variable is not set
cause-config-secret-unset = The gateway's environment has no such variable.
hint-config-secret-unset = Set it for the service, or use a file: { $example }
error-config-secret-empty = the secret is empty
cause-config-secret-empty = An empty secret protects nothing.
hint-config-secret-empty = Make one with: openssl rand -base64 32
error-config-secret-short = the secret is too short
cause-config-secret-short = A client's secret has at least { $least } characters.
hint-config-secret-short = Make one with: openssl rand -base64 32
error-config-secret-base64 = the account key is not base64
cause-config-secret-base64 = Azure hands account keys out in base64.
hint-config-secret-base64 = Copy the key again from the portal (Access keys), without spaces.
error-config-allow-empty = the list is empty
cause-config-allow-empty = A client is allowed only what is listed: buckets and actions.
hint-config-allow-empty = For example: { $example }
error-config-bucket-pattern = this is not a bucket pattern
cause-config-bucket-pattern = A pattern has 1 to 63 lowercase letters, digits, hyphens and dots, with * for any characters and ? for one.
hint-config-bucket-pattern = For example: { $example }
error-config-prefix = this is not a key prefix
cause-config-prefix = A prefix has 1 to 1,024 bytes. For every key, leave “prefixes” out.
hint-config-prefix = For example: { $example }

## Keys

error-root-key-unavailable = The root key cannot be reached
cause-root-key-unavailable = Its custodian did not answer: { $custodian }.
hint-root-key-unavailable = Check keys.file.path; a new installation makes its key with “ecluse keys init --config FILE”.
error-root-key-unacceptable = The root key may not be used as it is
cause-root-key-unacceptable = The file is open to others, or the key is short, all zero or repeated.
hint-root-key-unacceptable = Give the file mode 0600. If the key itself is damaged, restore it from your backup.
error-root-key-wrong = This root key is not the catalog's
cause-root-key-wrong = The catalog was made with another root key, and does not open with this one.
hint-root-key-wrong = Check keys.file.path and catalog.url, and restore the key that belongs to this catalog.

## Running

error-data-folder = The data folder cannot be used: { $path }
cause-data-folder = It cannot be made or written.
hint-data-folder = Make it, owned by the gateway's user, with mode 0700.
error-file-exposed = Others may read or write { $path } (mode { $mode })
cause-file-exposed = It belongs to another account, or is a folder that is made to be shared, so the gateway does not mend it.
hint-file-exposed = Give it to the gateway's user alone: chown, then chmod 0700 for a folder and 0600 for a file.
error-certificate-unusable = The certificate or its private key cannot be used
cause-certificate-unusable = A PEM file cannot be read or holds no certificate or key: { $path }.
hint-certificate-unusable = Check the paths in [tls]. The certificate comes first, then its chain.
error-certificate-mismatch = The private key does not belong to the certificate
cause-certificate-mismatch = { $certificate } and { $key } are not a pair.
hint-certificate-mismatch = Install the certificate and the key of the same request.
error-oidc-keys = The public keys of the tokens' issuer cannot be used: { $place }
cause-oidc-keys = A file cannot be read, or is not what it should be: a JSON Web Key Set, or a PEM of authorities; or others may write to the key set.
hint-oidc-keys = Check the paths in [azure.oidc], and that the gateway's user may read the files.
error-catalog-unusable = The catalog cannot be opened: { $path }
cause-catalog-unusable = It is damaged, on a full disk, or not writable.
hint-catalog-unusable = Check the disk and the owner of the file. Do not delete it: without the catalog nothing can be read.
error-catalog-not-compacted = The catalog could not be made smaller: { $path }
cause-catalog-not-compacted = Its disk is full or not writable. Nothing is lost: the catalog holds what it held.
hint-catalog-not-compacted = Make room on the catalog's disk, twice what the catalog uses (ecluse_catalog_used_bytes), and try again.
error-catalog-in-use = The catalog is in use: { $path }
cause-catalog-in-use = Another gateway has it open, maybe under another name: a link leads to the same file.
hint-catalog-in-use = End that gateway first. Never delete the file that ends in .lock.
error-catalog-too-new = The catalog was written by a later version of Écluse: { $path }
cause-catalog-too-new = This version does not know its schema.
hint-catalog-too-new = Install the version that wrote it, or a later one.
error-catalog-audit = The catalog contradicts itself: { $path }
cause-catalog-audit = The audit found rows that do not fit together.
hint-catalog-audit = Stop the gateway, copy the catalog away as it is, and restore it from your backup.
error-scrub-faults = Chunks are missing or damaged: { $parts } parts
cause-scrub-faults = The provider lost or changed what was stored. The log names each part.
hint-scrub-faults = Restore the objects from their source. Ask the provider what happened, and keep its answer.
error-names-not-listed = What is at the provider { $name } cannot be listed to its end
cause-names-not-listed = The list repeats itself, does not end, or is mostly of what is not this catalog's.
hint-names-not-listed = See whether the container is this catalog's alone. If it is, ask the provider why its list is so.
error-orphans-most = Most of what is at the provider { $name } belongs to nothing in this catalog: nothing was deleted
cause-orphans-most = The container may be another catalog's too, or the catalog may be an old copy.
hint-orphans-most = See whose the chunks are. If they are nobody's, delete those that were listed with the provider's own tools.
error-orphans-refused = The provider { $name } refused to delete { $refused } chunks
cause-orphans-refused = It may keep them by a rule of its own: a lock, a legal hold, a retention.
hint-orphans-refused = See what the provider says of one of the chunks that the log names. Then run the command again.
error-provider-unavailable = The provider { $name } does not answer
cause-provider-unavailable = The network, the provider, or its credentials are at fault.
hint-provider-unavailable = Check the address and the credentials in [[provider]], and that the firewall lets the gateway out.
error-catalog-absent = There is no catalog: { $path }
cause-catalog-absent = A start never makes one: the file may be gone, or its disk not mounted.
hint-catalog-absent = Restore the catalog from its backup. Only a new installation makes one, with “ecluse keys init --config FILE”.
error-catalog-gone = There is a root key but no catalog: { $path }
cause-catalog-gone = The root key { $key } is there, so there may have been a catalog. An empty one in its place would hide everything that was stored.
hint-catalog-gone = Restore the catalog from its backup. If there never was one, run “ecluse keys init --new-catalog --config FILE”.
error-root-key-gone = There is a catalog but no root key: { $key }
cause-root-key-gone = The catalog { $path } was made with a root key. A new one would open nothing in it.
hint-root-key-gone = Restore the root key from its backup.
error-catalog-no-identity = The catalog has not been prepared: { $path }
cause-catalog-no-identity = It has no identity, and the providers carry no marker of it.
hint-catalog-no-identity = Run “ecluse keys init --config FILE”.
error-catalog-not-adopted = The catalog is of version 0.1: { $path }
cause-catalog-not-adopted = Version 0.1 left no marker at the providers, so nothing says that they belong to this catalog.
hint-catalog-not-adopted = Check that the right provider is configured and that no other gateway uses it. Then run “ecluse keys init --adopt --config FILE”: it looks at some of the chunks before it lays the markers.
error-provider-not-configured = The provider { $name } is not in the configuration
cause-provider-not-configured = The catalog has chunks there, which could not be read.
hint-provider-not-configured = Add its [[provider]] section again, with the name that it had.
error-marker-missing = The provider { $name } does not carry this catalog's marker
cause-marker-missing = Another folder, bucket or container is configured, its disk is not mounted, or its contents were deleted.
hint-marker-missing = Correct the configuration or mount the disk. For a new, empty provider run “ecluse keys init --config FILE”.
error-marker-wrong = The marker at the provider { $name } is not its own
cause-marker-wrong = { $other ->
    [none] What lies in its place does not open.
   *[other] It was laid for the provider { $other } of this catalog.
}
hint-marker-wrong = Check name, path, bucket and container in [[provider]]: each provider keeps the name that it had when its marker was laid.
error-epoch-missing = The provider { $name } does not know the catalog's epoch { $epoch }
cause-epoch-missing = The provider was put back to an earlier state, or is an old copy: newer chunks are missing as well.
hint-epoch-missing = Configure the provider that was in use, or restore it. See docs/operators/recovery.md.
error-epoch-stale = Another gateway works on a copy of this catalog
cause-epoch-stale = Epoch { $found } was entered at the provider { $name } by { $host } at { $time }; this catalog is in epoch { $ours }. Either it is a clone or an old backup, or the other one is.
hint-epoch-stale = Decide which of the two may live, and stop the other. If it is this one: “ecluse epoch take-over --other-gateway-is-stopped --config FILE”. For a drill: “ecluse serve --read-only”. See docs/operators/recovery.md.
error-epoch-contested = Another gateway was at work on a copy of this catalog
cause-epoch-contested = { $host } objected at { $time } at the provider { $name } when epoch { $ours } was entered. Both stopped writing.
hint-epoch-contested = Decide which of the two may live, and stop the other. Then restart the one that may live after “ecluse epoch take-over --other-gateway-is-stopped --config FILE”. See docs/operators/recovery.md.
error-provider-overwrites = The provider { $name } does not honour create-only writes
cause-provider-overwrites = A second write with “If-None-Match: *” replaced the first. Two gateways on copies of one catalog would not notice each other.
hint-provider-overwrites = Choose a provider or a version of its software that supports conditional writes.
error-provider-claims-all = The provider { $name } says that every epoch was entered
cause-provider-claims-all = It answered for notes that nobody can have written. Its answers say nothing about which gateway may live.
hint-provider-claims-all = Check endpoint, bucket and container in [[provider]], and what stands between the gateway and the provider. Nothing was changed.
error-adoption-sample = The provider { $name } does not hold what the catalog knows
cause-adoption-sample = Of { $looked } parts looked at, { $missing } are not there or do not open.
hint-adoption-sample = Check path, bucket and container in [[provider]]. Nothing was changed.
error-provider-in-use = The folder of the provider { $name } is in use
cause-provider-in-use = Another gateway uses the same folder, maybe under another name: a link leads to the same folder.
hint-provider-in-use = End that gateway first, or give this one a folder of its own.
error-listen = Cannot listen on { $address }
cause-listen = The port is taken, the address is not of this machine, or the port is below 1024 without the right to use it.
hint-listen = Choose another port in the configuration, or end what uses this one.
error-demo = The demonstration failed
cause-demo = A step of the show did not do what it should.
hint-demo = Run it again; if it fails again, report it with this output.
error-output = The output cannot be written
cause-output = The terminal or the file that it goes to is closed.
hint-output = Run the command again.
error-log-setting = { $name } is set to { $value }, which is not understood
cause-log-setting = ECLUSE_LOG takes a level (error, warn, info, debug, trace); ECLUSE_LOG_FORMAT takes text or json.
hint-log-setting = Correct the variable in the service's environment, or remove it.
error-internal = Écluse made a mistake
cause-internal = Something happened that should be impossible.
hint-internal = Report it with this output and the log.
