//! Whole requests of known clients to both fronts are answered: no panic, no fault of ours, no memory kept.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use testing::edges::Edges;
use tokio::runtime::Runtime;

thread_local! {
    static ASKED: RefCell<Option<(Runtime, Edges)>> = const { RefCell::new(None) };
}

fuzz_target!(|input: &[u8]| {
    ASKED.with_borrow_mut(|asked| {
        let (runtime, edges) = asked.get_or_insert_with(|| {
            let runtime = Runtime::new().expect("a runtime");
            let edges = runtime.block_on(Edges::start());
            (runtime, edges)
        });
        if let Err(wrong) = runtime.block_on(edges.run(input)) {
            panic!("{wrong}");
        }
    });
});
