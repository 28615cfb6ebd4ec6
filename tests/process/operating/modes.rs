//! Files that others may read or write are mended at the start, or refused.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use testing::process::{GatewayProcess, Options};

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn what_others_could_read_or_write_is_mended_at_the_start_and_a_shared_folder_is_refused() {
    let mut gateway = GatewayProcess::start(Options::folder());
    let data = gateway.data().to_owned();
    let catalog = data.join("catalog.db");
    // The folder was made by the test as any `mkdir` makes one.
    assert_eq!(mode(&data), 0o700);
    // A crash leaves the log and its index beside the catalog.
    gateway.kill9();
    let beside = ["catalog.db", "catalog.db-wal", "catalog.db-shm", "catalog.db.lock"].map(|name| data.join(name));
    let there: Vec<_> = beside.iter().filter(|path| path.exists()).collect();
    assert!(there.len() >= 3, "{there:?}");
    set(&data, 0o775);
    there.iter().for_each(|path| set(path, 0o666));
    let (code, printed) = gateway.run(&["check"], "fr_CA.UTF-8");
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("d'autres comptes peuvent lire ou écrire") && printed.contains("mode 0666"), "{printed}");
    assert_eq!((mode(&data), mode(&catalog)), (0o775, 0o666), "a check changes nothing");
    there.iter().filter(|path| path.exists()).for_each(|path| set(path, 0o666));
    gateway.restart();
    assert_eq!(mode(&data), 0o700);
    for path in &there {
        assert!(!path.exists() || mode(path) == 0o600, "{path:?}: {:o}", mode(path));
    }
    assert!(gateway.log().contains("others could read or write it; mended"));

    gateway.terminate();
    set(&data, 0o1777);
    assert!(!gateway.restarts(), "a folder that is made to be shared");
    assert_eq!(mode(&data), 0o1777, "and it is left as it is");
    assert!(gateway.log().contains("file-exposed"), "{}", gateway.log());
    set(&data, 0o700);
    gateway.restart();
}
