//! A process that holds keys leaves no image of its memory.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// From now on a crash leaves no core file, no crash reporter gets the memory, and no other process of the same user may
/// read it (`ptrace(2)`, `/proc/PID/mem`); the administrator may. Source: prctl(2), `PR_SET_DUMPABLE`; getrlimit(2).
///
/// Neither can fail for a process that takes rights from itself.
pub fn forbid_core_images() {
    let nothing = Rlimit { current: Some(0), maximum: Some(0) };
    let limited = setrlimit(Resource::Core, nothing);
    let hidden = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    debug_assert!(limited.is_ok() && hidden.is_ok());
}
