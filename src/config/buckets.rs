//! `[[bucket]]`: how much a bucket may hold. It need not be there yet.

use super::rules::{Rules, named, size};
use super::{Problem, typed};
use crate::model::{BucketName, BucketRef, Quota, TenantId};

/// Understands every entry.
pub(super) fn understand(typed: Vec<typed::Bucket>, rules: &mut Rules<'_>) -> Vec<(BucketRef, Quota)> {
    let mut buckets: Vec<(BucketRef, Quota)> = Vec::new();
    for (index, entry) in typed.into_iter().enumerate() {
        let key = format!("bucket[{index}]");
        let Some((bucket, quota)) = bucket(&key, entry, rules) else { continue };
        if let Some(first) = buckets.iter().position(|(earlier, _)| *earlier == bucket) {
            let other = format!("bucket[{first}].name");
            let problem = Problem::new("config-duplicate", format!("{key}.name")).value(bucket.name.as_str());
            rules.add(problem.arg("other", other));
        }
        buckets.push((bucket, quota));
    }
    buckets
}

fn bucket(key: &str, typed: typed::Bucket, rules: &mut Rules<'_>) -> Option<(BucketRef, Quota)> {
    let tenant = named(format!("{key}.tenant"), typed.tenant, "tenant", |text| TenantId::parse(text).ok(), rules);
    let name = named(format!("{key}.name"), typed.name, "bucket", |text| BucketName::parse(text).ok(), rules);
    let quota = Quota {
        bytes: typed.max_bytes.and_then(|typed| size(&format!("{key}.max_bytes"), typed, rules)),
        objects: typed.max_objects,
        uploads: typed.max_uploads,
    };
    Some((BucketRef { tenant: tenant?, name: name? }, quota))
}
