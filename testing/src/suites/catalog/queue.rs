//! What every catalog promises about what waits to be deleted, what is looked at again, and what looks found.

use ecluse::catalog::{
    Catalog, CatalogError, Content, DeletionQueue, Failure, QueuedDeletion, Refusal, ScrubFault, ScrubRound,
};
use ecluse::model::{Part, PartId, Timestamp};

use super::suite::{GRACE, delete, due, new, part, provider, put, sound, tenant, with_bucket};

pub async fn what_waits_too_long_is_hastened_and_nothing_else(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let one = |seed| QueuedDeletion {
        part: part(seed, 1).id,
        tenant: tenant(),
        chunks: 2,
        provider: provider("here"),
        in_doubt: false,
    };
    catalog.queue_deletions(vec![one(1)], Timestamp(50)).await.unwrap();
    catalog.queue_deletions(vec![one(2)], Timestamp(5_000)).await.unwrap();
    catalog.hasten_deletions(Timestamp(90)).await.unwrap();
    assert_eq!(due(catalog, "here", 89, 9).await, vec![one(1)]);
    assert_eq!(due(catalog, "here", 90, 9).await, vec![one(1), one(2)]);
    sound(catalog).await;
}

pub async fn what_fails_waits_longer_each_time_and_lets_those_behind_it_pass(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let one = |seed| QueuedDeletion {
        part: part(seed, 1).id,
        tenant: tenant(),
        chunks: 2,
        provider: provider("here"),
        in_doubt: false,
    };
    catalog.queue_deletions(vec![one(1), one(2)], Timestamp(50)).await.unwrap();
    catalog.queue_deletions(vec![one(3)], Timestamp(60)).await.unwrap();
    assert_eq!(due(catalog, "here", 60, 2).await, vec![one(1), one(2)]);
    catalog.postpone_deletions(vec![one(1), one(2)], Timestamp(60)).await.unwrap();
    assert_eq!(due(catalog, "here", 60, 2).await, vec![one(3)], "nobody waits for those that fail");
    let queue = catalog.deletion_queue().await.unwrap();
    assert_eq!(queue, DeletionQueue { waiting: 3, failing: 2, oldest: Some(Timestamp(50)) });
    catalog.finish_deletions(vec![one(2), one(3)]).await.unwrap();
    // A second at first, an hour at last. A start leaves those that failed where they are.
    catalog.hasten_deletions(Timestamp(60)).await.unwrap();
    assert_eq!(due(catalog, "here", 60 + 999, 9).await, vec![]);
    let mut pauses = Vec::new();
    let mut now = 60;
    for _ in 0..14 {
        let mut again = now;
        while due(catalog, "here", again, 9).await.is_empty() {
            again += 1_000;
        }
        pauses.push((again - now) / 1000);
        now = again;
        catalog.postpone_deletions(vec![one(1)], Timestamp(now)).await.unwrap();
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600]);
    // A clock that was ahead is another matter.
    catalog.hasten_deletions(Timestamp(0)).await.unwrap();
    assert_eq!(due(catalog, "here", 0, 9).await, vec![one(1)]);
    // What was finished meanwhile does not come back.
    catalog.finish_deletions(vec![one(1)]).await.unwrap();
    catalog.postpone_deletions(vec![one(1)], Timestamp(now)).await.unwrap();
    assert_eq!(catalog.deletion_queue().await.unwrap(), DeletionQueue::default());
    sound(catalog).await;
}

pub async fn a_part_in_doubt_is_looked_at_again_and_deleted_unless_it_lives(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let lingers = |due: i64| Timestamp(due).plus(QueuedDeletion::LINGERS);
    let one = |seed, in_doubt| {
        let part = part(seed, 1).id;
        QueuedDeletion { part, tenant: tenant(), chunks: 2, provider: provider("here"), in_doubt }
    };
    catalog.queue_deletions(vec![one(1, true), one(2, false)], Timestamp(50)).await.unwrap();
    assert_eq!(due(catalog, "here", 50, 9).await, vec![one(1, false), one(2, false)]);
    catalog.finish_deletions(vec![one(1, false), one(2, false)]).await.unwrap();
    assert_eq!(catalog.requeue_looks(Timestamp(lingers(50).0 - 1), 9).await.unwrap(), 0);
    assert_eq!(catalog.requeue_looks(lingers(50), 9).await.unwrap(), 1);
    assert_eq!(due(catalog, "here", lingers(50).0, 9).await, vec![one(1, false)], "the one in doubt, once more");
    assert_eq!(catalog.requeue_looks(lingers(50), 9).await.unwrap(), 0, "and not again");
    catalog.finish_deletions(vec![one(1, false)]).await.unwrap();

    // One that lives, one that waits for its deletion, one that is gone.
    for number in [3, 4, 5] {
        catalog.look_again(vec![one(number, true)], Timestamp(70)).await.unwrap();
        put(catalog, &format!("{number}"), number, 10).await;
    }
    assert!(delete(catalog, "4").await && delete(catalog, "5").await);
    for name in ["here", "there"] {
        let gone = QueuedDeletion { provider: provider(name), ..one(5, false) };
        catalog.finish_deletions(vec![gone]).await.unwrap();
    }
    assert_eq!(catalog.requeue_looks(Timestamp(70), 2).await.unwrap(), 2);
    assert_eq!(catalog.requeue_looks(Timestamp(70), 2).await.unwrap(), 1);
    assert_eq!(due(catalog, "here", 70, 9).await, vec![one(5, false)]);
    sound(catalog).await;

    // A clock that was ahead keeps nobody waiting longer than a put may linger.
    catalog.look_again(vec![one(6, true)], Timestamp(i64::MAX)).await.unwrap();
    catalog.hasten_deletions(Timestamp(100)).await.unwrap();
    assert_eq!(catalog.requeue_looks(lingers(100), 9).await.unwrap(), 1);
}

pub async fn a_block_set_aside_is_not_open_and_comes_back_when_its_time_has_come(catalog: &dyn Catalog) {
    let block = catalog.reserve_parts(&tenant(), 3).await.unwrap();
    let other = catalog.reserve_parts(&tenant(), 3).await.unwrap();
    catalog.set_block_aside(&block, Timestamp(50)).await.unwrap();
    assert_eq!(catalog.open_blocks().await.unwrap(), vec![other.clone()]);
    assert_eq!(catalog.blocks_aside(Timestamp(49)).await.unwrap(), vec![]);
    assert_eq!(catalog.blocks_aside(Timestamp(50)).await.unwrap(), vec![block.clone()]);
    catalog.close_block(&block).await.unwrap();
    assert_eq!(catalog.blocks_aside(Timestamp(50)).await.unwrap(), vec![]);
    assert_eq!(catalog.open_blocks().await.unwrap(), vec![other]);
}

pub async fn queueing_again_keeps_the_earlier_time_and_spares_committed_parts(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let one = QueuedDeletion {
        part: part(1, 1).id,
        tenant: tenant(),
        chunks: 2,
        provider: provider("here"),
        in_doubt: false,
    };
    catalog.queue_deletions(vec![one.clone()], Timestamp(50)).await.unwrap();
    catalog.queue_deletions(vec![one.clone()], Timestamp(90)).await.unwrap();
    assert_eq!(due(catalog, "here", 50, 9).await, vec![one.clone()]);
    catalog.queue_deletions(vec![one.clone()], Timestamp(20)).await.unwrap();
    assert_eq!(due(catalog, "here", 20, 9).await, vec![one.clone()]);
    assert_eq!(catalog.deletions_waiting().await.unwrap(), 1);
    // A queued id must not come to life, and a living one must not be queued.
    let queued_id = catalog.commit(new("a", Content::Part(part(1, 10)), 10), GRACE).await;
    assert!(matches!(queued_id, Err(CatalogError::Failed(Failure::Misused(_)))));
    put(catalog, "b", 2, 10).await;
    let living = QueuedDeletion { part: part(2, 1).id, ..one };
    assert!(matches!(
        catalog.queue_deletions(vec![living], Timestamp(1)).await,
        Err(CatalogError::Refused(Refusal::Committed))
    ));
    sound(catalog).await;
}

pub async fn what_was_found_is_told_once_and_forgotten_when_it_is_looked_at_again(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let here = provider("here");
    for number in 1..=4 {
        put(catalog, &format!("{number}"), number, 10).await;
    }
    assert_eq!(catalog.count_parts_at(&here).await.unwrap(), 4);
    assert_eq!(catalog.count_parts_at(&provider("nowhere")).await.unwrap(), 0);
    let id = |number| part(number, 1).id;
    let ids = async |after, limit| {
        let parts = catalog.parts_at(&here, after, limit).await.unwrap();
        parts.into_iter().map(|found| (found.tenant, found.part.id, found.part.placements)).collect::<Vec<_>>()
    };
    let found = |number| (tenant(), id(number), vec![here.clone()]);
    assert_eq!(ids(None, 2).await, vec![found(1), found(2)]);
    assert_eq!(ids(Some(id(2)), 9).await, vec![found(3), found(4)]);
    let whole = catalog.parts_at(&here, Some(id(3)), 1).await.unwrap().remove(0).part;
    assert_eq!(Part { placements: part(4, 10).placements, ..whole }, part(4, 10));

    assert_eq!(catalog.scrub_round(&here).await.unwrap(), None);
    let round = |after, looked| ScrubRound { began: Timestamp(7), whole: Some(Timestamp(3)), after, looked, parts: 4 };
    let (lost, cut) = ((id(1), ScrubFault::Missing), (id(2), ScrubFault::Length));
    let first = round(Some(id(2)), 2);
    let save = async |round: &ScrubRound, from, faults: &[(PartId, ScrubFault)]| {
        let result = catalog.save_scrub(&here, round, from, faults.to_vec()).await.unwrap();
        (result.new, result.faulty)
    };
    assert_eq!(save(&first, None, &[lost, cut]).await, (vec![lost, cut], 2));
    assert_eq!(catalog.scrub_round(&here).await.unwrap(), Some(first.clone()));
    assert_eq!(catalog.scrub_round(&provider("there")).await.unwrap(), None);
    assert_eq!(save(&round(None, 0), Some(id(2)), &[]).await, (vec![], 2), "those behind it were looked at");
    let other = (id(2), ScrubFault::Content);
    assert_eq!(save(&first, None, &[lost, other]).await, (vec![other], 2), "one is known, the other is another");
    assert_eq!(save(&first, None, &[other]).await, (vec![], 1), "one is whole again");
    assert_eq!(save(&round(None, 0), None, &[]).await, (vec![], 0));
}

pub async fn what_may_be_at_a_provider_still_is_told_page_by_page(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let one = |seed, chunks, name: &str| QueuedDeletion {
        part: part(seed, 1).id,
        tenant: tenant(),
        chunks,
        provider: provider(name),
        in_doubt: false,
    };
    // Queued, to be looked at again, and both: then the longer one counts.
    let queued: Vec<_> = [1, 3, 5].map(|seed| one(seed, 2, "here")).into();
    catalog.queue_deletions(queued, Timestamp(50)).await.unwrap();
    let looks = vec![one(2, 4, "here"), one(3, 7, "here"), one(5, 1, "here"), one(6, 9, "there")];
    catalog.look_again(looks, Timestamp(i64::MAX)).await.unwrap();
    // A part that lives is no part of it.
    put(catalog, "alive", 9, 10).await;
    let mut all = vec![one(1, 2, "here"), one(2, 4, "here"), one(3, 7, "here"), one(5, 2, "here")];
    all.sort_by_key(|told| told.part);
    for limit in [1, 2, 3, 9] {
        let (mut told, mut after) = (Vec::new(), None);
        loop {
            let page = catalog.doomed_at(&provider("here"), after, limit).await.unwrap();
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = Some(last.part);
            told.extend(page);
        }
        assert_eq!(told, all, "{limit}");
    }
    assert_eq!(catalog.doomed_at(&provider("there"), None, 9).await.unwrap(), vec![one(6, 9, "there")]);
}
