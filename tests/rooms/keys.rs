//! Custody of keys: the root key file, the keyring and its canary, from outside.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ecluse::keys::{Custodian, CustodianError, FileCustodian, KeyError, Keyring};
use ecluse::model::{PartId, TenantId, TenantKeyPurpose, WrappedKey, WrappedTenantKey};
use ecluse::secret::{NamingKey, PartKey, RootKey, SecretBytes, SecretText, TenantKey};
use serde_json::Value;
use tempfile::TempDir;

macro_rules! assert_secret {
    ($($type:ty),*) => {$(
        static_assertions::assert_not_impl_any!(
            $type: std::fmt::Debug, Clone, Copy, std::fmt::Display, PartialEq, serde::Serialize, AsRef<[u8]>
        );
    )*};
}
assert_secret!(RootKey, TenantKey, NamingKey, PartKey, SecretBytes, SecretText, Keyring);

const PART: PartId = PartId([5; 16]);

fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

struct House {
    directory: TempDir,
    custodian: Arc<FileCustodian>,
    keyring: Keyring,
}

impl House {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let custodian = Arc::new(FileCustodian::create(&directory.path().join("root.key")).unwrap());
        let keyring = Keyring::new(Arc::clone(&custodian) as Arc<dyn Custodian>);
        Self { directory, custodian, keyring }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("root.key")
    }

    /// Gives the file another root key.
    fn change_root_key(&self) {
        fs::remove_file(self.path()).unwrap();
        FileCustodian::create(&self.path()).unwrap();
    }

    async fn unlocked(tenants: &[&str]) -> (Self, Vec<WrappedTenantKey>) {
        let house = Self::new();
        let mut keys = Vec::new();
        for name in tenants {
            keys.extend(house.keyring.new_tenant_keys(&tenant(name)).await.unwrap());
        }
        house.keyring.unlock(&keys).await.unwrap();
        (house, keys)
    }
}

fn write_key(path: &Path, text: &[u8], mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_new_root_key_is_one_line_that_only_its_owner_reads_and_is_never_overwritten() {
    let house = House::new();
    let text = fs::read_to_string(house.path()).unwrap();
    assert!(text.starts_with("ecluse-root-key-1 ") && text.ends_with('\n') && text.lines().count() == 1);
    assert_eq!(fs::metadata(house.path()).unwrap().permissions().mode() & 0o7777, 0o600);
    assert!(matches!(FileCustodian::create(&house.path()), Err(CustodianError::AlreadyThere)));
    assert_eq!(fs::read_to_string(house.path()).unwrap(), text);
    let other = House::new();
    assert_ne!(fs::read_to_string(other.path()).unwrap(), text, "keys are random");
}

#[test]
fn a_root_key_file_that_others_may_read_is_refused() {
    let house = House::new();
    for mode in [0o640, 0o604, 0o644, 0o660, 0o700, 0o620, 0o601, 0o4600, 0o1600, 0o777] {
        fs::set_permissions(house.path(), Permissions::from_mode(mode)).unwrap();
        let refused = FileCustodian::open(&house.path());
        assert!(matches!(refused, Err(CustodianError::Unacceptable(why)) if why.contains("0600")), "{mode:o}");
    }
    for mode in [0o600, 0o400] {
        fs::set_permissions(house.path(), Permissions::from_mode(mode)).unwrap();
        FileCustodian::open(&house.path()).unwrap();
    }
}

#[test]
fn a_root_key_file_is_found_through_a_symbolic_link_and_missing_ones_are_said_to_be_missing() {
    let house = House::new();
    let link = house.directory.path().join("link");
    std::os::unix::fs::symlink(house.path(), &link).unwrap();
    FileCustodian::open(&link).unwrap();
    let missing = FileCustodian::open(&house.directory.path().join("missing"));
    assert!(matches!(missing, Err(CustodianError::Unavailable(why)) if why.contains("No such file")));
    let directory = FileCustodian::open(house.directory.path());
    assert!(matches!(directory, Err(CustodianError::Unacceptable(_))));
    let nowhere = FileCustodian::create(&house.directory.path().join("no/such/place"));
    assert!(matches!(nowhere, Err(CustodianError::Unavailable(_))));
}

#[test]
fn short_damaged_and_foreign_root_key_files_are_refused() {
    let house = House::new();
    let good = fs::read_to_string(house.path()).unwrap();
    let bad = [
        String::new(),
        "\n".to_owned(),
        good.trim_end().replace(' ', "\n"),
        good.replace("key-1", "key-2"),
        format!("{good}{good}"),
        good[..good.len() - 2].to_owned(),
        "ecluse-root-key-1 AAAA 00000000\n".to_owned(),
        "-----BEGIN KEY-----\n".to_owned(),
        "0".repeat(10_000),
    ];
    let path = house.directory.path().join("bad.key");
    for text in bad {
        write_key(&path, text.as_bytes(), 0o600);
        assert!(matches!(FileCustodian::open(&path), Err(CustodianError::Unacceptable(_))), "{text:?}");
    }
    write_key(&path, &[0; 32], 0o600);
    assert!(matches!(FileCustodian::open(&path), Err(CustodianError::Unacceptable(_))), "a raw all-zero key");
}

#[tokio::test]
async fn part_keys_open_for_their_tenant_part_and_version_only() {
    let (house, _) = House::unlocked(&["chum", "chus"]).await;
    let keyring = &house.keyring;
    let (key, wrapped) = keyring.new_part_key(&tenant("chum"), PART).unwrap();
    assert_eq!((wrapped.key_version, wrapped.bytes.len()), (1, 76));
    let opened = keyring.open_part_key(&tenant("chum"), PART, &wrapped).unwrap();
    assert_eq!(opened.expose(), key.expose());

    assert!(matches!(keyring.open_part_key(&tenant("chus"), PART, &wrapped), Err(KeyError::Refused)));
    assert!(matches!(keyring.open_part_key(&tenant("chum"), PartId([6; 16]), &wrapped), Err(KeyError::Refused)));
    let newer = WrappedKey { key_version: 2, bytes: wrapped.bytes.clone() };
    assert!(matches!(keyring.open_part_key(&tenant("chum"), PART, &newer), Err(KeyError::UnknownKey)));
    assert!(matches!(keyring.open_part_key(&tenant("nobody"), PART, &wrapped), Err(KeyError::UnknownKey)));
    assert!(matches!(keyring.new_part_key(&tenant("nobody"), PART), Err(KeyError::UnknownKey)));
    assert!(matches!(keyring.naming_key(&tenant("nobody")), Err(KeyError::UnknownKey)));
}

#[tokio::test]
async fn every_flipped_bit_of_a_wrapped_part_key_is_refused() {
    let (house, _) = House::unlocked(&["chum"]).await;
    let (_, wrapped) = house.keyring.new_part_key(&tenant("chum"), PART).unwrap();
    for bit in 0..wrapped.bytes.len() * 8 {
        let mut changed = wrapped.clone();
        changed.bytes[bit / 8] ^= 1 << (bit % 8);
        let refused = house.keyring.open_part_key(&tenant("chum"), PART, &changed);
        assert!(matches!(refused, Err(KeyError::Refused)), "bit {bit}");
    }
}

#[tokio::test]
async fn part_keys_and_their_wraps_do_not_repeat() {
    let (house, _) = House::unlocked(&["chum"]).await;
    let mut seen = std::collections::HashSet::new();
    for _ in 0..500 {
        let (key, wrapped) = house.keyring.new_part_key(&tenant("chum"), PART).unwrap();
        assert!(seen.insert(key.expose().to_vec()) && seen.insert(wrapped.bytes[..28].to_vec()));
        assert!(!wrapped.bytes.windows(8).any(|window| key.expose().windows(8).any(|part| part == window)));
    }
}

#[tokio::test]
async fn the_newest_tenant_key_wraps_and_the_older_ones_still_open() {
    let (house, mut keys) = House::unlocked(&["chum"]).await;
    let (old_key, old) = house.keyring.new_part_key(&tenant("chum"), PART).unwrap();
    let name = *house.keyring.naming_key(&tenant("chum")).unwrap().expose();
    // A version 2, bound as docs/format.md §6.3 says.
    let mut context = Vec::new();
    for field in ["tenant key", "chum", "wrap"] {
        context.extend_from_slice(&u16::try_from(field.len()).unwrap().to_be_bytes());
        context.extend_from_slice(field.as_bytes());
    }
    context.extend_from_slice(&2_u32.to_be_bytes());
    let bytes = house.custodian.wrap(&context, TenantKey::generate().unwrap().expose()).await.unwrap();
    keys.push(WrappedTenantKey { tenant: tenant("chum"), purpose: TenantKeyPurpose::Wrap, version: 2, bytes });
    house.keyring.unlock(&keys).await.unwrap();
    let (_, new) = house.keyring.new_part_key(&tenant("chum"), PART).unwrap();
    assert_eq!(new.key_version, 2);
    let opened = house.keyring.open_part_key(&tenant("chum"), PART, &old).unwrap();
    assert_eq!(opened.expose(), old_key.expose());
    assert_eq!(*house.keyring.naming_key(&tenant("chum")).unwrap().expose(), name, "names stay");
    let disguised = WrappedKey { key_version: 1, bytes: new.bytes };
    assert!(matches!(house.keyring.open_part_key(&tenant("chum"), PART, &disguised), Err(KeyError::Refused)));
}

#[tokio::test]
async fn a_sealed_keyring_gives_nothing_and_unlocks_again() {
    let (house, keys) = House::unlocked(&["chum"]).await;
    let (_, wrapped) = house.keyring.new_part_key(&tenant("chum"), PART).unwrap();
    house.keyring.seal();
    assert!(house.keyring.is_sealed());
    assert!(matches!(house.keyring.new_part_key(&tenant("chum"), PART), Err(KeyError::Sealed)));
    assert!(matches!(house.keyring.open_part_key(&tenant("chum"), PART, &wrapped), Err(KeyError::Sealed)));
    assert!(matches!(house.keyring.naming_key(&tenant("chum")), Err(KeyError::Sealed)));
    house.keyring.unlock(&keys).await.unwrap();
    assert!(!house.keyring.is_sealed());
    house.keyring.open_part_key(&tenant("chum"), PART, &wrapped).unwrap();
}

/// A custodian that answers when it is let.
struct Slow {
    inner: Arc<FileCustodian>,
    asked: tokio::sync::Notify,
    answers: tokio::sync::Semaphore,
}

#[async_trait::async_trait]
impl Custodian for Slow {
    fn describe(&self) -> String {
        "slow".to_owned()
    }

    async fn wrap(&self, context: &[u8], secret: &[u8]) -> Result<Vec<u8>, CustodianError> {
        self.inner.wrap(context, secret).await
    }

    async fn unwrap(&self, context: &[u8], wrapped: &[u8]) -> Result<SecretBytes, CustodianError> {
        self.asked.notify_one();
        let _permit = self.answers.acquire().await.unwrap();
        self.inner.unwrap(context, wrapped).await
    }
}

#[tokio::test]
async fn a_keyring_sealed_while_it_is_being_unlocked_stays_sealed() {
    let (house, keys) = House::unlocked(&["chum"]).await;
    let answers = tokio::sync::Semaphore::new(0);
    let slow = Arc::new(Slow { inner: Arc::clone(&house.custodian), asked: tokio::sync::Notify::new(), answers });
    let keyring = Keyring::new(Arc::clone(&slow) as Arc<dyn Custodian>);
    let (unlocked, ()) = tokio::join!(keyring.unlock(&keys), async {
        slow.asked.notified().await;
        keyring.seal();
        slow.answers.add_permits(1);
    });
    assert!(matches!(unlocked, Err(KeyError::Sealed)) && keyring.is_sealed());
    keyring.unlock(&keys).await.unwrap();
}

#[tokio::test]
async fn an_unlock_that_fails_leaves_the_keyring_as_it_was() {
    let (house, keys) = House::unlocked(&["chum", "chus"]).await;
    let (_, wrapped) = house.keyring.new_part_key(&tenant("chum"), PART).unwrap();
    let mut cases: Vec<Vec<WrappedTenantKey>> = Vec::new();
    for change in 0..4 {
        let mut changed = keys.clone();
        match change {
            0 => changed[3].bytes[70] ^= 1,
            1 => changed[3].tenant = tenant("chum"),
            2 => changed[3].version = 2,
            _ => changed[3].purpose = TenantKeyPurpose::Wrap,
        }
        cases.push(changed);
    }
    for changed in cases {
        assert!(matches!(house.keyring.unlock(&changed).await, Err(KeyError::Refused)));
        house.keyring.open_part_key(&tenant("chum"), PART, &wrapped).unwrap();
    }
    let sealed = Keyring::new(Arc::clone(&house.custodian) as Arc<dyn Custodian>);
    let mut changed = keys;
    changed[0].bytes.truncate(10);
    assert!(sealed.unlock(&changed).await.is_err() && sealed.is_sealed());
}

#[tokio::test]
async fn with_another_root_key_nothing_opens() {
    let (house, keys) = House::unlocked(&["chum"]).await;
    let canary = house.keyring.new_canary().await.unwrap();
    house.keyring.check_canary(&canary).await.unwrap();
    house.change_root_key();
    assert!(matches!(house.keyring.check_canary(&canary).await, Err(KeyError::WrongRootKey)));
    for key in &keys {
        assert!(matches!(house.keyring.unlock(std::slice::from_ref(key)).await, Err(KeyError::Refused)));
    }
}

#[tokio::test]
async fn taking_the_root_key_file_away_takes_the_custodian_away() {
    let (house, keys) = House::unlocked(&["chum"]).await;
    let canary = house.keyring.new_canary().await.unwrap();
    let away = house.directory.path().join("away");
    fs::rename(house.path(), &away).unwrap();
    let gone = |error| matches!(error, KeyError::Custodian(CustodianError::Unavailable(_)));
    assert!(gone(house.keyring.check_canary(&canary).await.unwrap_err()));
    assert!(gone(house.keyring.unlock(&keys).await.unwrap_err()));
    assert!(gone(house.keyring.new_tenant_keys(&tenant("chus")).await.unwrap_err()));
    fs::rename(&away, house.path()).unwrap();
    house.keyring.check_canary(&canary).await.unwrap();
    fs::set_permissions(house.path(), Permissions::from_mode(0o644)).unwrap();
    let refused = house.keyring.check_canary(&canary).await;
    assert!(matches!(refused, Err(KeyError::Custodian(CustodianError::Unacceptable(_)))));
}

#[tokio::test]
async fn every_flipped_bit_of_the_canary_is_noticed() {
    let house = House::new();
    let canary = house.keyring.new_canary().await.unwrap();
    for bit in 0..canary.len() * 8 {
        let mut changed = canary.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(matches!(house.keyring.check_canary(&changed).await, Err(KeyError::WrongRootKey)), "bit {bit}");
    }
}

/// A custodian that ignores the context, or damage: what a canary is there to find.
struct Lax {
    inner: Arc<FileCustodian>,
    ignores_damage: bool,
}

#[async_trait::async_trait]
impl Custodian for Lax {
    fn describe(&self) -> String {
        "lax".to_owned()
    }

    async fn wrap(&self, context: &[u8], secret: &[u8]) -> Result<Vec<u8>, CustodianError> {
        self.inner.wrap(if self.ignores_damage { context } else { b"" }, secret).await
    }

    async fn unwrap(&self, context: &[u8], wrapped: &[u8]) -> Result<SecretBytes, CustodianError> {
        let context = if self.ignores_damage { context } else { b"" };
        let mut wrapped = wrapped.to_vec();
        let opened = self.inner.unwrap(context, &wrapped).await;
        if opened.is_err() && self.ignores_damage {
            *wrapped.last_mut().unwrap() ^= 1;
            return self.inner.unwrap(context, &wrapped).await;
        }
        opened
    }
}

#[tokio::test]
async fn the_canary_finds_a_custodian_that_does_not_check() {
    for ignores_damage in [false, true] {
        let house = House::new();
        let keyring = Keyring::new(Arc::new(Lax { inner: Arc::clone(&house.custodian), ignores_damage }));
        let canary = keyring.new_canary().await.unwrap();
        assert!(matches!(keyring.check_canary(&canary).await, Err(KeyError::WrongRootKey)));
    }
}

#[tokio::test]
async fn the_file_custodian_binds_the_context_and_limits_the_length() {
    let house = House::new();
    let custodian = &house.custodian;
    let wrapped = custodian.wrap(b"one", b"secret").await.unwrap();
    assert_eq!(custodian.unwrap(b"one", &wrapped).await.unwrap().expose(), b"secret");
    assert!(matches!(custodian.unwrap(b"two", &wrapped).await, Err(CustodianError::Refused)));
    assert!(custodian.wrap(b"one", &[1; 1024]).await.is_ok());
    assert!(matches!(custodian.wrap(b"one", &[1; 1025]).await, Err(CustodianError::TooLong)));
}

#[tokio::test]
async fn what_the_independent_script_wrapped_opens_or_is_refused_as_it_says() {
    let vectors: Value = serde_json::from_str(include_str!("../vectors/format-1.json")).unwrap();
    let unhex = |value: &Value| hex::decode(value.as_str().unwrap()).unwrap();
    let custody = &vectors["custody"];
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("root.key");
    write_key(&path, custody["root_key_file"].as_str().unwrap().as_bytes(), 0o600);
    let custodian: Arc<dyn Custodian> = Arc::new(FileCustodian::open(&path).unwrap());
    let keyring = Keyring::new(Arc::clone(&custodian));

    keyring.check_canary(&unhex(&custody["canary"])).await.unwrap();
    for wrong in ["canary_of_another_root_key", "canary_that_says_something_else", "canary_of_the_zero_key"] {
        let checked = keyring.check_canary(&unhex(&custody[wrong])).await;
        assert!(matches!(checked, Err(KeyError::WrongRootKey)), "{wrong}");
    }
    let chum = tenant(custody["tenant"].as_str().unwrap());
    let wrapped = |purpose: TenantKeyPurpose| WrappedTenantKey {
        tenant: chum.clone(),
        purpose,
        version: 1,
        bytes: unhex(&custody[purpose.as_str()]["wrapped"]),
    };
    keyring.unlock(&[wrapped(TenantKeyPurpose::Wrap), wrapped(TenantKeyPurpose::Name)]).await.unwrap();
    assert_eq!(hex::encode(keyring.naming_key(&chum).unwrap().expose()), custody["name"]["key"]);

    let mut opened = 0;
    for vector in vectors["wrapped_keys"].as_array().unwrap() {
        let version = u32::try_from(vector["key_version"].as_u64().unwrap()).unwrap();
        let tenant = tenant(vector["tenant"].as_str().unwrap());
        // A keyring that has the vector's tenant key under the vector's tenant and version.
        let mut context = Vec::new();
        for field in ["tenant key", tenant.as_str(), "wrap"] {
            context.extend_from_slice(&u16::try_from(field.len()).unwrap().to_be_bytes());
            context.extend_from_slice(field.as_bytes());
        }
        context.extend_from_slice(&version.to_be_bytes());
        let bytes = custodian.wrap(&context, &unhex(&vector["tenant_key"])).await.unwrap();
        let key = WrappedTenantKey { tenant: tenant.clone(), purpose: TenantKeyPurpose::Wrap, version, bytes };
        keyring.unlock(&[key]).await.unwrap();
        let part = PartId(unhex(&vector["part"]).try_into().unwrap());
        let wrapped = WrappedKey { key_version: version, bytes: unhex(&vector["wrapped"]) };
        match (keyring.open_part_key(&tenant, part, &wrapped), vector.get("part_key")) {
            (Ok(key), Some(expected)) => {
                assert_eq!(hex::encode(key.expose()), *expected);
                opened += 1;
            }
            (Err(KeyError::Refused), None) => {}
            (result, _) => panic!("{}: {:?}", vector["name"], result.err()),
        }
    }
    assert_eq!(opened, 1);
}
