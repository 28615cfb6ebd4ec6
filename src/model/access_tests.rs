//! Who is allowed what, requirement by requirement.

use super::*;

struct Needs(Vec<(Action, &'static str, Scope<'static>)>, Vec<BucketName>);

impl Needs {
    fn new(needs: &[(Action, &'static str, Scope<'static>)]) -> Self {
        Self(needs.to_vec(), needs.iter().map(|(_, bucket, _)| BucketName::parse(bucket).unwrap()).collect())
    }
}

impl Operation for Needs {
    fn requirements(&self) -> Vec<Requirement<'_>> {
        let needs = self.0.iter().zip(&self.1);
        needs.map(|((action, _, scope), bucket)| Requirement { action: *action, bucket, scope: *scope }).collect()
    }
}

fn client(grants: &[(&[&str], &[&str], &[Action])]) -> Principal {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let grants = grants
        .iter()
        .map(|(buckets, prefixes, actions)| Grant::new(&owned(buckets), owned(prefixes), actions.to_vec()));
    Principal::new(ClientId::parse("pacs").unwrap(), TenantId::parse("chum").unwrap(), grants.collect())
}

const ALL: [Action; 5] = [Action::Read, Action::Write, Action::Delete, Action::List, Action::Admin];

#[test]
fn an_action_is_allowed_when_it_is_granted_and_no_other_stands_in_for_it() {
    for granted in ALL {
        let client = client(&[(&["imaging"], &[], &[granted])]);
        for wanted in ALL {
            for scope in [Scope::Bucket, Scope::Key("x"), Scope::Prefix("")] {
                let allowed = client.authorize(Needs::new(&[(wanted, "imaging", scope)])).is_ok();
                assert_eq!(allowed, granted == wanted, "{wanted:?} with {granted:?}");
            }
        }
    }
}

#[test]
fn bucket_patterns_match_whole_names() {
    let cases = [
        ("imaging", "imaging", true),
        ("imaging", "imaging2", false),
        ("imaging*", "imaging2", true),
        ("imaging*", "imaging", true),
        ("imaging*", "my-imaging", false),
        ("*-archive", "ct-archive", true),
        ("c?-archive", "ct-archive", true),
        ("c?-archive", "cta-archive", false),
        ("*", "anything", true),
    ];
    for (pattern, bucket, fits) in cases {
        let client = client(&[(&["other", pattern], &[], &[Action::Read, Action::List])]);
        let allowed = client.authorize(Needs::new(&[(Action::Read, bucket, Scope::Key("x"))])).is_ok();
        assert_eq!(allowed, fits, "{pattern} and {bucket}");
        assert_eq!(client.may_see(&BucketName::parse(bucket).unwrap()), fits);
    }
}

#[test]
fn a_prefix_confines_keys_listings_and_what_touches_every_key() {
    let client = client(&[(&["imaging"], &["ct/", "mri/"], &ALL)]);
    let cases = [
        (Action::Read, Scope::Key("ct/1"), true),
        (Action::Read, Scope::Key("mri/"), true),
        (Action::Read, Scope::Key("ct"), false),
        (Action::Write, Scope::Key("CT/1"), false),
        (Action::List, Scope::Prefix("ct/2026"), true),
        (Action::List, Scope::Prefix("c"), false),
        (Action::List, Scope::Prefix(""), false),
        (Action::List, Scope::Bucket, true),
        (Action::Admin, Scope::Bucket, false),
    ];
    for (action, scope, wanted) in cases {
        let allowed = client.authorize(Needs::new(&[(action, "imaging", scope)])).is_ok();
        assert_eq!(allowed, wanted, "{action:?} {scope:?}");
    }
    let bucket = BucketName::parse("imaging").unwrap();
    assert!(client.may_list(&bucket, "ct/1") && !client.may_list(&bucket, "lab/1"));
}

#[test]
fn every_requirement_needs_a_grant_of_its_own_and_grants_do_not_mix() {
    let copy = || Needs::new(&[(Action::Read, "from", Scope::Key("a")), (Action::Write, "to-here", Scope::Key("b"))]);
    assert!(client(&[(&["from"], &[], &[Action::Read]), (&["to*"], &[], &[Action::Write])]).authorize(copy()).is_ok());
    assert!(client(&[(&["from"], &[], &[Action::Read])]).authorize(copy()).is_err());
    assert!(client(&[(&["from"], &[], &[Action::Write]), (&["to*"], &[], &[Action::Read])]).authorize(copy()).is_err());
    assert!(client(&[]).authorize(copy()).is_err());
    assert!(client(&[(&[], &[], &ALL)]).authorize(copy()).is_err(), "no bucket is named");
}

#[test]
fn a_proof_carries_who_asked_and_what() {
    let proof =
        client(&[(&["*"], &[], &ALL)]).authorize(Needs::new(&[(Action::Read, "abc", Scope::Key("k"))])).unwrap();
    assert_eq!(proof.principal().client.as_str(), "pacs");
    assert_eq!(proof.op().0.len(), 1);
    let (principal, Needs(needs, _)) = proof.into_parts();
    assert_eq!((principal.tenant.as_str(), needs.len()), ("chum", 1));
}

fn within(bucket: &str, scope: Scope<'_>, actions: &[Action]) -> Vec<Grant> {
    vec![Grant::within(BucketName::parse(bucket).unwrap(), scope, actions.to_vec())]
}

#[test]
fn a_narrowed_principal_may_do_what_both_its_grants_and_the_layer_allow() {
    let client = client(&[(&["imaging", "lab*"], &[], &[Action::Read, Action::Write, Action::List])]);
    let narrow = client.narrowed(within("imaging", Scope::Key("ct/1"), &[Action::Read, Action::Delete]));
    let cases = [
        (Action::Read, "imaging", Scope::Key("ct/1"), true),
        (Action::Read, "imaging", Scope::Key("ct/10"), false),
        (Action::Read, "imaging", Scope::Key("ct/"), false),
        (Action::Read, "lab", Scope::Key("ct/1"), false),
        (Action::Write, "imaging", Scope::Key("ct/1"), false),
        (Action::Delete, "imaging", Scope::Key("ct/1"), false),
        (Action::List, "imaging", Scope::Prefix("ct/1"), false),
    ];
    for (action, bucket, scope, wanted) in cases {
        let allowed = narrow.authorize(Needs::new(&[(action, bucket, scope)])).is_ok();
        assert_eq!(allowed, wanted, "{action:?} {bucket} {scope:?}");
    }
    let (imaging, lab) = (BucketName::parse("imaging").unwrap(), BucketName::parse("lab").unwrap());
    assert!(!narrow.may_see(&imaging) && client.may_see(&lab), "the layer lists nothing");
    let lists = client.narrowed(within("imaging", Scope::Bucket, &[Action::List]));
    assert!(lists.may_see(&imaging) && !lists.may_see(&lab));
    assert!(!narrow.may_list(&imaging, "ct/1") && client.may_list(&imaging, "ct/1"));
}

#[test]
fn layers_of_buckets_and_prefixes_add_up_and_one_with_nothing_allows_nothing() {
    let client = client(&[(&["*"], &[], &ALL)]);
    let read = |principal: &Principal, key| {
        principal.authorize(Needs::new(&[(Action::Read, "imaging", Scope::Key(key))])).is_ok()
    };
    let bucket = client.narrowed(within("imaging", Scope::Bucket, &ALL));
    assert!(read(&bucket, "ct/1") && read(&bucket, "x"));
    let prefix = bucket.narrowed(within("imaging", Scope::Prefix("ct/"), &ALL));
    assert!(read(&prefix, "ct/1") && !read(&prefix, "x"));
    assert!(read(&prefix.narrowed(vec![Grant::everywhere(ALL.to_vec())]), "ct/1"));
    assert!(!read(&prefix.narrowed(Vec::new()), "ct/1"));
    let admin =
        |principal: &Principal| principal.authorize(Needs::new(&[(Action::Admin, "imaging", Scope::Bucket)])).is_ok();
    assert!(admin(&bucket) && !admin(&prefix));
    assert!(!admin(&client.narrowed(within("imaging", Scope::Key("ct/1"), &ALL))));
}

#[test]
fn a_layer_for_a_bucket_is_no_pattern() {
    let grant = within("a.c", Scope::Bucket, &[Action::Read]);
    let narrow = client(&[(&["*"], &[], &ALL)]).narrowed(grant);
    assert!(narrow.authorize(Needs::new(&[(Action::Read, "abc", Scope::Key("k"))])).is_err());
}

#[test]
fn joined_proofs_serve_a_copy_and_piece_no_requirement_together() {
    let client = client(&[(&["*"], &[], &ALL)]);
    let source = client.narrowed(within("from", Scope::Key("a"), &[Action::Read]));
    let target = client.narrowed(within("to-here", Scope::Key("b"), &[Action::Write]));
    let copy = || Needs::new(&[(Action::Read, "from", Scope::Key("a")), (Action::Write, "to-here", Scope::Key("b"))]);
    assert!(source.authorize(copy()).is_err() && target.authorize(copy()).is_err());
    let both = target.joined(&source).unwrap();
    assert!(both.authorize(copy()).is_ok());
    for other in [(Action::Write, "from", Scope::Key("a")), (Action::Read, "to-here", Scope::Key("b"))] {
        assert!(both.authorize(Needs::new(&[other])).is_err(), "{other:?}");
    }
    let elsewhere = Principal::new(client.client.clone(), TenantId::parse("other").unwrap(), Vec::new());
    assert!(both.joined(&elsewhere).is_none());
}

/// Reaches over all buckets.
struct Wide;

impl Operation for Wide {
    fn requirements(&self) -> Vec<Requirement<'_>> {
        Vec::new()
    }

    fn somewhere(&self) -> &'static [Action] {
        &[Action::List, Action::Read]
    }
}

#[test]
fn what_reaches_over_all_buckets_needs_its_actions_somewhere() {
    let of = |grants: &[&[Action]]| {
        let grants: Vec<_> = grants.iter().map(|actions| (&["imaging"][..], &["ct/"][..], *actions)).collect();
        client(&grants)
    };
    assert!(of(&[&[Action::List], &[Action::Read]]).authorize(Wide).is_ok());
    assert!(of(&[&ALL]).authorize(Wide).is_ok());
    assert!(of(&[&[Action::List, Action::Write, Action::Admin]]).authorize(Wide).is_err());
    assert!(of(&[]).authorize(Wide).is_err());
    let narrow = of(&[&ALL]).narrowed(within("imaging", Scope::Bucket, &[Action::Read]));
    assert!(narrow.authorize(Wide).is_err(), "the layer lists nothing");
}

#[test]
fn a_search_sees_names_at_which_every_action_is_allowed() {
    const SEEN: &[Action] = &[Action::List, Action::Read];
    let client = client(&[
        (&["imaging", "lab*"], &["ct/"], SEEN),
        (&["imaging"], &["mri/"], &[Action::List]),
        (&["billing"], &[], &[Action::Read]),
    ]);
    let bucket = |name: &str| BucketName::parse(name).unwrap();
    let sight = client.sight(SEEN);
    let cases = [
        ("imaging", "ct/1", true),
        ("labs", "ct/1", true),
        ("imaging", "mri/1", false),
        ("imaging", "ct", false),
        ("billing", "ct/1", false),
        ("archive", "ct/1", false),
    ];
    for (name, key, wanted) in cases {
        assert_eq!(sight.covers(&bucket(name), key), wanted, "{name}/{key}");
    }
    for (name, wanted) in [("imaging", true), ("labs", true), ("billing", false), ("archive", false)] {
        assert_eq!(sight.reaches(&bucket(name)), wanted, "{name}");
    }
    let one = client.narrowed(within("imaging", Scope::Key("ct/1"), &ALL)).sight(SEEN);
    assert!(one.covers(&bucket("imaging"), "ct/1") && !one.covers(&bucket("imaging"), "ct/2"));
    assert!(!one.reaches(&bucket("labs")));
    assert!(Sight::of_everything().covers(&bucket("archive"), "x"));
    client.end();
    assert!(!sight.covers(&bucket("imaging"), "ct/1"), "it is asked anew each time");
}

#[derive(Debug)]
struct Lamp(std::sync::atomic::AtomicBool);

impl Standing for Lamp {
    fn allows(&self, _: &Requirement<'_>) -> bool {
        self.0.load(std::sync::atomic::Ordering::SeqCst)
    }
}

#[test]
fn what_was_authorized_is_allowed_as_long_as_the_client_is_granted_it_and_its_standing_lasts() {
    let needs = || Needs::new(&[(Action::Read, "from", Scope::Key("a")), (Action::Write, "to-here", Scope::Key("b"))]);
    let pacs = client(&[(&["*"], &[], &ALL)]);
    let lamp = Arc::new(Lamp(true.into()));
    let lit: Arc<dyn Standing> = Arc::<Lamp>::clone(&lamp);
    let proofs = || {
        [
            pacs.clone(),
            pacs.narrowed(vec![Grant::everywhere(ALL.to_vec())]),
            pacs.joined(&pacs.narrowed(Vec::new())).unwrap(),
        ]
        .map(|principal| principal.standing_on(Arc::clone(&lit)).authorize(needs()).unwrap().into_parts().0)
    };
    let first = proofs();
    assert!(first.iter().all(Principal::still_may));
    lamp.0.store(false, std::sync::atomic::Ordering::SeqCst);
    assert!(!first.iter().any(Principal::still_may));
    lamp.0.store(true, std::sync::atomic::Ordering::SeqCst);
    let newer = pacs.regranted(&client(&[(&["*"], &[], &[Action::Read])]));
    assert!(!first.iter().any(Principal::still_may), "it may not write any more");
    assert!(newer.authorize(needs()).is_err());
    let _again = newer.regranted(&client(&[(&["to*"], &[], &ALL), (&["from"], &[], &ALL)]));
    assert!(first.iter().all(Principal::still_may));
    pacs.end();
    assert!(!first.iter().any(Principal::still_may) && pacs.authorize(needs()).is_err());
}

#[test]
fn a_grant_of_buckets_is_of_no_key() {
    let client = client(&[(&["*"], &[], &ALL)]).narrowed(vec![Grant::of_buckets(ALL.to_vec())]);
    let may = |action, scope| client.authorize(Needs::new(&[(action, "imaging", scope)])).is_ok();
    assert!(may(Action::Read, Scope::Bucket) && may(Action::List, Scope::Bucket));
    for scope in [Scope::Key("x"), Scope::Prefix(""), Scope::Prefix("x")] {
        assert!(!may(Action::Read, scope) && !may(Action::List, scope), "{scope:?}");
    }
    assert!(!may(Action::Admin, Scope::Bucket), "it touches every key");
}
