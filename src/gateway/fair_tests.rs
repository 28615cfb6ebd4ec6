//! Turns: who is served, who waits, who is turned away.

use super::*;

fn payer(tenant: &str, client: &str) -> Payer {
    let (tenant, client) = (TenantId::parse(tenant).unwrap(), ClientId::parse(client).unwrap());
    Payer { tenant, client: Some(client) }
}

/// Waits until `count` requests wait.
async fn wait_for(turns: &Turns, count: usize) {
    while turns.waiting() != count {
        tokio::task::yield_now().await;
    }
}

/// Queues a request and notes under which name it is served; the turn is given back at once.
fn queue(
    turns: &Turns,
    payer: &Payer,
    units: u32,
    served: &Arc<Mutex<Vec<String>>>,
) -> tokio::task::JoinHandle<Result<(), Crowded>> {
    let (turns, payer, served) = (turns.clone(), payer.clone(), Arc::clone(served));
    tokio::spawn(async move {
        let turn = turns.take(&payer, units).await?;
        served.lock().unwrap().push(payer.client.as_ref().unwrap().as_str().to_owned());
        drop(turn);
        Ok(())
    })
}

#[tokio::test]
async fn a_greedy_client_leaves_something_for_whoever_comes_with_nothing() {
    let turns = Turns::new(800, 100);
    let (greedy, polite, other) = (payer("chum", "greedy"), payer("chum", "polite"), payer("chus", "other"));
    let held: Vec<Turn> = std::iter::from_fn(|| turns.try_take(&greedy, 1)).collect();
    // One more than seven times what is free.
    assert_eq!((held.len(), turns.used()), (701, 701));
    let mut mine = Vec::new();
    for who in [&polite, &other] {
        for _ in 0..40 {
            mine.push(turns.try_take(who, 1).expect("it holds little"));
        }
    }
    assert!(turns.try_take(&greedy, 1).is_none());
    drop((held, mine));
    assert_eq!(turns.used(), 0);
    let state = turns.state();
    assert!(state.lines.is_empty() && state.tenants.is_empty(), "nobody is remembered");
}

/// Of three turns to list a greedy client has two, however many it asks for: the third is there for whoever comes.
#[tokio::test]
async fn the_last_unit_is_left_for_whoever_has_none() {
    let turns = Turns::new(3, 100);
    let (greedy, polite) = (payer("chum", "greedy"), payer("chum", "polite"));
    let held: Vec<Turn> = std::iter::from_fn(|| turns.try_take(&greedy, 1)).collect();
    assert_eq!(held.len(), 2);
    let served = Arc::new(Mutex::new(Vec::new()));
    let waits = queue(&turns, &greedy, 1, &served);
    wait_for(&turns, 1).await;
    for _ in 0..3 {
        drop(turns.try_take(&polite, 1).expect("one is left for it"));
    }
    assert!(served.lock().unwrap().is_empty(), "what the polite one gave back is not the greedy one's");
    drop(held);
    waits.await.unwrap().unwrap();
    assert_eq!(turns.used(), 0);
    // Alone with one unit, everybody gets it.
    let one = Turns::new(1, 100);
    assert!(one.try_take(&greedy, 1).is_some());
}

#[tokio::test]
async fn clients_of_one_tenant_leave_something_to_another() {
    let turns = Turns::new(1600, 100);
    let mut held = Vec::new();
    let names: Vec<Payer> = (0..40).map(|n| payer("chum", &format!("c{n}"))).collect();
    loop {
        let before = held.len();
        held.extend(names.iter().filter_map(|name| turns.try_take(name, 1)));
        if held.len() == before {
            break;
        }
    }
    // Each was below its own threshold; all together are not above the tenant's by more than one each.
    assert!((1500..=1541).contains(&turns.used()), "{}", turns.used());
    assert!(turns.try_take(&payer("chus", "other"), 50).is_some());
}

#[tokio::test]
async fn who_holds_least_is_served_first_and_within_a_client_the_oldest() {
    let turns = Turns::new(8, 100);
    let (greedy, polite) = (payer("chum", "greedy"), payer("chum", "polite"));
    let mut all = turns.take(&greedy, 8).await.unwrap();
    let served = Arc::default();
    let mut tasks = Vec::new();
    for n in 1..=20 {
        tasks.push(queue(&turns, &greedy, 1, &served));
        wait_for(&turns, n).await;
    }
    tasks.push(queue(&turns, &polite, 4, &served));
    wait_for(&turns, 21).await;
    all.shrink_to(2);
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(served.lock().unwrap()[0], "polite", "it came last, and held nothing");
    drop(all);
    assert_eq!(turns.used(), 0);
}

#[tokio::test]
async fn what_is_freed_is_kept_for_whose_turn_it_is() {
    let turns = Turns::new(16, 100);
    let (one, two) = (payer("chum", "one"), payer("chum", "two"));
    let mut all = turns.take(&one, 16).await.unwrap();
    let served = Arc::default();
    let waits = queue(&turns, &two, 8, &served);
    wait_for(&turns, 1).await;
    assert!(turns.are_wanted_from(&one) && !turns.are_wanted_from(&payer("chus", "x")));
    all.shrink_to(12);
    assert!(turns.try_take(&one, 1).is_none(), "the four freed are kept for who waits for eight");
    all.shrink_to(8);
    waits.await.unwrap().unwrap();
    assert_eq!((turns.used(), turns.waiting()), (8, 0));
}

#[tokio::test]
async fn who_has_most_is_not_waited_for_by_who_has_less() {
    let turns = Turns::new(800, 100);
    let (greedy, polite) = (payer("chum", "greedy"), payer("chum", "polite"));
    let held: Vec<Turn> = std::iter::from_fn(|| turns.try_take(&greedy, 1)).collect();
    let served = Arc::default();
    let waits = queue(&turns, &greedy, 1, &served);
    wait_for(&turns, 1).await;
    let mine = turns.try_take(&polite, 1).expect("who waits is above its part");
    assert!(!turns.are_wanted_from(&polite), "the greedy one waits for itself");
    assert!(turns.are_wanted_from(&greedy));
    drop((held, mine));
    waits.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_full_waiting_room_turns_away_the_newest_of_who_has_most_in_it() {
    let turns = Turns::new(4, 4);
    let (greedy, polite) = (payer("chum", "greedy"), payer("chum", "polite"));
    let all = turns.take(&greedy, 4).await.unwrap();
    let served = Arc::default();
    let mut flood = Vec::new();
    for n in 1..=4 {
        flood.push(queue(&turns, &greedy, 1, &served));
        wait_for(&turns, n).await;
    }
    assert_eq!(turns.take(&greedy, 1).await.err(), Some(Crowded), "the room is full of its own");
    let asks = queue(&turns, &polite, 1, &served);
    assert_eq!(flood.pop().unwrap().await.unwrap(), Err(Crowded), "the newest made room");
    assert_eq!(turns.waiting(), 4);
    drop(all);
    asks.await.unwrap().unwrap();
    for task in flood {
        task.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn who_leaves_the_line_lets_the_next_one_forward() {
    let turns = Turns::new(8, 100);
    let (one, two, three) = (payer("chum", "one"), payer("chum", "two"), payer("chum", "three"));
    let mut all = turns.take(&one, 8).await.unwrap();
    let served = Arc::default();
    let large = queue(&turns, &two, 8, &served);
    wait_for(&turns, 1).await;
    let small = queue(&turns, &three, 1, &served);
    wait_for(&turns, 2).await;
    all.shrink_to(6);
    assert_eq!(turns.waiting(), 2, "the large one is first");
    large.abort();
    small.await.unwrap().unwrap();
    drop(all);
    assert_eq!((turns.used(), turns.waiting(), turns.state().lines.len()), (0, 0, 0));
}
