//! Steps in a fixed order, for what needs time to pass.

use std::time::Duration;

use crate::compared::ops::{Place, Step};

/// A step, or a wait.
pub enum Scene {
    Do(Step),
    Wait(Duration),
}

/// The shortest lease there is, and what can be done after it has ended.
pub fn leases_that_end() -> Vec<Scene> {
    const ID: &str = "11111111-1111-4111-8111-111111111111";
    const OTHER: &str = "22222222-2222-4222-8222-222222222222";
    let blob = |number| Place::Blob(0, number);
    let put = |place| Step::new("Put Blob", "PUT", place).h("x-ms-blob-type", "BlockBlob").body("abc");
    let lease = |place, action: &'static str| {
        Step::new("Lease Blob", "PUT", place).q("comp", "lease").h("x-ms-lease-action", action).odd(action)
    };
    let acquire = |place| lease(place, "acquire").h("x-ms-lease-duration", "15").h("x-ms-proposed-lease-id", ID);
    let mut scenes = Vec::new();
    for number in 0..8 {
        scenes.extend([Scene::Do(put(blob(number))), Scene::Do(acquire(blob(number)))]);
    }
    let container = |action: &'static str| {
        let step = Step::new("Lease Container", "PUT", Place::Container(1)).q("restype", "container");
        step.q("comp", "lease").h("x-ms-lease-action", action).odd(action)
    };
    scenes.push(Scene::Do(container("acquire").h("x-ms-lease-duration", "15").h("x-ms-proposed-lease-id", ID)));
    scenes.push(Scene::Do(lease(blob(7), "break").h("x-ms-lease-break-period", "5")));
    scenes.push(Scene::Wait(Duration::from_secs(17)));
    let after = "an ended lease";
    let ended = [
        // Nobody wrote meanwhile: it can be renewed.
        lease(blob(0), "renew").h("x-ms-lease-id", ID),
        lease(blob(1), "acquire").h("x-ms-lease-duration", "-1").h("x-ms-proposed-lease-id", OTHER),
        put(blob(2)),
        // Now somebody did.
        lease(blob(2), "renew").h("x-ms-lease-id", ID),
        put(blob(3)).h("x-ms-lease-id", ID),
        lease(blob(4), "change").h("x-ms-lease-id", ID).h("x-ms-proposed-lease-id", OTHER),
        lease(blob(5), "release").h("x-ms-lease-id", ID),
        lease(blob(6), "break"),
        Step::new("Delete Blob", "DELETE", blob(6)),
        lease(blob(7), "renew").h("x-ms-lease-id", ID),
        lease(blob(7), "acquire").h("x-ms-lease-duration", "15").h("x-ms-proposed-lease-id", ID),
        container("renew").h("x-ms-lease-id", ID),
        container("release").h("x-ms-lease-id", ID),
        Step::new("Delete Container", "DELETE", Place::Container(1)).q("restype", "container"),
    ];
    scenes.extend(ended.into_iter().map(|step| Scene::Do(step.odd(after))));
    scenes
}
