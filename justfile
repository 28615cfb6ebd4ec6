# The single entry for people. CI calls the same scripts and needs no `just`.

# What there is.
default:
    @just --list

# The demonstration, on loopback.
demo *arguments:
    cargo run --release -- demo {{arguments}}

# All tests that run on this machine.
test *arguments:
    scripts/test {{arguments}}

# One test program: `just one house`.
one name *arguments:
    cargo test --test {{name}} -- {{arguments}}

# Crashes and the model, the long way: an hour and a half.
night:
    ECLUSE_MODEL_ROUNDS=400 cargo test --test process model:: -- --nocapture
    ECLUSE_CRASH_ROUNDS=200 ECLUSE_FAULT_POINTS=all cargo test --test process -- crash:: points::
    cargo test --test clients the_page_of_s3fs -- --ignored
    ECLUSE_AZURE_SEED=random ECLUSE_AZURE_STEPS=5000 cargo test --test clients differential::ecluse_answers -- --nocapture

# Format, lints, and the shape of the house.
check:
    cargo fmt --all --check
    cargo clippy --all-targets -- -D warnings
    cargo test --test house

# Licences, bans, sources, advisories; needs `cargo install cargo-deny`.
deny:
    cargo deny check

# Speed of sealing, both implementations, of the catalog as it grows, and beside a greedy client.
bench:
    cargo bench --bench seal --bench catalog --bench fairness

# The race against rclone and nginx: `just compare --help`. Installs both first, beside the tests' tools.
compare *arguments:
    scripts/install-bench-tools
    cargo bench --bench compare -- {{arguments}}

# What CI runs.
ci:
    .ci/run
