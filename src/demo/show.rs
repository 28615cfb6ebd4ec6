//! What the demonstration prints, in at most [`WIDTH`] columns.

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;

use super::client::{REGION, account_endpoint, endpoint};
use super::compare::{Comparison, FIRST_BYTES, Stored};
use super::directory::Setup;
use super::records::Record;
use super::{BUCKET, CLIENT, DemoError, Outcome, Say, Served};

/// Widest line.
const WIDTH: usize = 100;
/// Width of each of the two columns; between them ` │ `.
const HALF: usize = (WIDTH - 3) / 2;

/// Where everything is.
pub(super) fn opening(out: &mut dyn Write, say: &Say<'_>, setup: &Setup, served: &Served) -> Result<(), DemoError> {
    writeln!(out, "{}\n", say("demo-title", &[]))?;
    for (id, value) in [
        ("demo-endpoint", endpoint(served.s3)),
        ("demo-azure-endpoint", account_endpoint(served.azure)),
        ("demo-config", setup.config.display().to_string()),
        ("demo-provider", setup.provider.display().to_string()),
    ] {
        writeln!(out, "{}", say(id, &[("value", value)]))?;
    }
    writeln!(out, "\n{}\n", say("demo-storing", &[("bucket", BUCKET.to_owned())]))?;
    Ok(())
}

/// Two columns: names, sizes, types and first bytes of the hospital; names, sizes and first bytes of the provider.
pub(super) fn side_by_side(
    out: &mut dyn Write,
    say: &Say<'_>,
    records: &[Record],
    comparison: &Comparison,
) -> Result<(), DemoError> {
    let left = records.iter().flat_map(hospital_lines);
    let right: Vec<String> = comparison.stored.iter().flat_map(provider_lines).collect();
    let left: Vec<String> = left.collect();
    line(out, &say("demo-hospital-sees", &[]), &say("demo-provider-holds", &[]))?;
    writeln!(out, "{}─┼─{}", "─".repeat(HALF), "─".repeat(HALF))?;
    for index in 0..left.len().max(right.len()) {
        let cell = |lines: &[String]| lines.get(index).cloned().unwrap_or_default();
        line(out, &cell(&left), &cell(&right))?;
    }
    writeln!(out)?;
    Ok(())
}

/// Whether everything came back, and how often each word was found.
pub(super) fn verdict(out: &mut dyn Write, say: &Say<'_>, comparison: &Comparison) -> Result<(), DemoError> {
    if comparison.changed.is_empty() {
        writeln!(out, "{}", say("demo-all-came-back", &[]))?;
    }
    for name in &comparison.changed {
        writeln!(out, "{}", say("demo-came-back-changed", &[("name", name.clone())]))?;
    }
    let azure = &comparison.azure;
    let id = if azure.agrees { "demo-azure-agrees" } else { "demo-azure-differs" };
    writeln!(out, "{}", say(id, &[("count", azure.listed.to_string()), ("name", azure.read.clone())]))?;
    writeln!(out, "\n{}", say("demo-searching", &[]))?;
    for (word, count) in &comparison.found {
        let count = say("demo-found", &[("count", count.to_string())]);
        writeln!(out, "  {} {count}", fit(word, 20))?;
    }
    let id = match comparison.outcome() {
        Outcome::Proven => "demo-proven",
        Outcome::Disproven => "demo-disproven",
    };
    writeln!(out, "\n{}\n", say(id, &[]))?;
    Ok(())
}

/// Commands to copy and paste. The secret is read from its file, never printed.
pub(super) fn commands(out: &mut dyn Write, say: &Say<'_>, setup: &Setup, served: &Served) -> Result<(), DemoError> {
    let (endpoint, account) = (endpoint(served.s3), account_endpoint(served.azure));
    let (authority, secret) = (quoted(&setup.authority), quoted(&setup.secret));
    writeln!(out, "{}\n", say("demo-try", &[]))?;
    writeln!(out, "  export AWS_ACCESS_KEY_ID={CLIENT} AWS_DEFAULT_REGION={REGION}")?;
    writeln!(out, "  export AWS_SECRET_ACCESS_KEY=\"$(cat {secret})\"")?;
    writeln!(out, "  export AWS_CA_BUNDLE={authority}")?;
    writeln!(out, "  aws --endpoint-url {endpoint} s3 ls --recursive s3://{BUCKET}")?;
    writeln!(out, "  rclone --ca-cert \"$AWS_CA_BUNDLE\" ls \\")?;
    writeln!(out, "    ':s3,provider=Other,env_auth,force_path_style,endpoint=\"{endpoint}\":{BUCKET}'")?;
    writeln!(out)?;
    writeln!(out, "  export REQUESTS_CA_BUNDLE={authority}")?;
    let connection = format!("BlobEndpoint={account};AccountName={CLIENT};AccountKey=$(cat {secret})");
    writeln!(out, "  export AZURE_STORAGE_CONNECTION_STRING=\"{connection}\"")?;
    writeln!(out, "  az storage blob list --container-name {BUCKET} --output table")?;
    writeln!(out, "  export RCLONE_AZUREBLOB_ACCOUNT={CLIENT} RCLONE_AZUREBLOB_ENDPOINT={account}")?;
    writeln!(out, "  export RCLONE_AZUREBLOB_KEY=\"$(cat {secret})\"")?;
    writeln!(out, "  rclone --ca-cert \"$REQUESTS_CA_BUNDLE\" ls :azureblob:{BUCKET}")?;
    writeln!(out)?;
    writeln!(out, "  curl http://{}/readyz", served.admin)?;
    writeln!(out, "  curl http://{}/metrics", served.admin)?;
    writeln!(out, "\n{}", say("demo-serving", &[]))?;
    out.flush()?;
    Ok(())
}

fn hospital_lines(record: &Record) -> [String; 2] {
    let size = format!("{:>9}", record.content.len());
    let first: String = String::from_utf8_lossy(record.content.get(..FIRST_BYTES * 2).unwrap_or(&record.content))
        .chars()
        .map(|letter| if letter.is_control() || letter == char::REPLACEMENT_CHARACTER { '·' } else { letter })
        .collect();
    [
        format!("{} {size}", fit(&record.name, HALF - 10)),
        format!("  {} {}", fit(record.content_type, 25), fit(first.trim_end(), HALF - 28)),
    ]
}

fn provider_lines(stored: &Stored) -> [String; 2] {
    let mut first = String::new();
    for byte in &stored.first {
        // Writing to a string cannot fail.
        let _written = write!(first, "{byte:02x}");
    }
    [format!("{} {:>9}", fit(&stored.name, HALF - 10), stored.bytes), format!("  {first}…")]
}

fn line(out: &mut dyn Write, left: &str, right: &str) -> Result<(), DemoError> {
    writeln!(out, "{} │ {}", fit(left, HALF), fit(right, HALF).trim_end())?;
    Ok(())
}

/// Exactly `width` characters: padded, or cut in the middle (names end in what tells them apart).
fn fit(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return format!("{text}{}", " ".repeat(width - length));
    }
    let tail = width / 3;
    let head: String = text.chars().take(width.saturating_sub(tail + 1)).collect();
    let tail: String = text.chars().skip(length - tail).collect();
    format!("{head}…{tail}")
}

/// A path as one word of a POSIX shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}
