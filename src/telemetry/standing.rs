//! What is there before anything happened.
//!
//! An alarm on an increase compares two values. A counter that appears with its first event has only one, so the first
//! event would be silent.

use metrics::Label as Pair;

/// One label of a metric, with the values that are known from the start.
#[derive(Debug, Clone, Copy)]
pub(super) enum Label {
    /// `provider`: those configured.
    Provider,
    /// `listener`: those configured.
    Listener,
    /// `front`: those configured.
    Front,
    /// `front` and `operation`: each front's own.
    Operation,
    /// `client`: those configured.
    Client,
    /// `tenant` and `bucket`: those with a limit.
    Bucket,
    /// A label whose values the program knows.
    Of(&'static str, &'static [&'static str]),
}

/// What the configuration says of labels.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Names of the providers.
    pub providers: Vec<String>,
    /// Ids of the clients.
    pub clients: Vec<String>,
    /// Tenants and names of the buckets with a limit.
    pub buckets: Vec<(String, String)>,
    /// Names of the listeners.
    pub listeners: Vec<&'static str>,
    /// Each front's name with the name of each of its operations, front by front.
    pub operations: Vec<(&'static str, &'static str)>,
}

impl Known {
    /// Every combination of the labels' values, each in the labels' order. One without labels, if there are none.
    pub(super) fn series(&self, labels: &[Label]) -> Vec<Vec<Pair>> {
        labels.iter().fold(vec![Vec::new()], |series, label| {
            let values = self.values(*label);
            series.iter().flat_map(|begun| values.iter().map(|value| [&begun[..], &value[..]].concat())).collect()
        })
    }

    fn values(&self, label: Label) -> Vec<Vec<Pair>> {
        let of = |name: &'static str, values: &[&'static str]| {
            values.iter().map(|value| vec![Pair::from_static_parts(name, value)]).collect()
        };
        match label {
            Label::Provider => self.providers.iter().map(|name| vec![Pair::new("provider", name.clone())]).collect(),
            Label::Client => self.clients.iter().map(|id| vec![Pair::new("client", id.clone())]).collect(),
            Label::Bucket => {
                let pairs = |(tenant, name): &(String, String)| {
                    vec![Pair::new("tenant", tenant.clone()), Pair::new("bucket", name.clone())]
                };
                self.buckets.iter().map(pairs).collect()
            }
            Label::Listener => of("listener", &self.listeners),
            Label::Front => {
                let mut fronts: Vec<&'static str> = self.operations.iter().map(|(front, _)| *front).collect();
                fronts.dedup();
                of("front", &fronts)
            }
            Label::Operation => self
                .operations
                .iter()
                .map(|(front, operation)| {
                    vec![Pair::from_static_parts("front", front), Pair::from_static_parts("operation", operation)]
                })
                .collect(),
            Label::Of(name, values) => of(name, values),
        }
    }
}
