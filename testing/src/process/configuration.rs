//! The configuration file that a test's gateway runs with.

use std::fmt::Write as _;
use std::path::Path;

use super::{CLIENT_ID, Options, Provider};
use crate::certificates::{Certificates, write_secret};

/// The configuration, as in the operators' guide.
pub(super) fn configuration(
    home: &Path,
    data: &Path,
    ports: [Option<u16>; 3],
    options: &Options,
    certificates: &Certificates,
) -> String {
    let home = home.display();
    let mut text = String::new();
    let mut line = |line: &str| writeln!(text, "{line}").expect("a string");
    let others = |section: &str| {
        let of_it = options.others.iter().filter(|(name, _)| *name == section);
        of_it.fold(String::new(), |lines, (_, line)| lines + "\n" + &line.replace("HOME", &home.to_string()))
    };
    line("version = 1");
    line(&format!("data_dir = \"{}\"", data.display()));
    for (section, port) in ["s3", "azure", "admin"].into_iter().zip(ports) {
        if let Some(port) = port {
            line(&format!("[{section}]\nlisten = \"127.0.0.1:{port}\"{}", others(section)));
        }
    }
    line(&match options.plain {
        true => "[tls]\nmode = \"off\"".to_owned(),
        false => {
            format!("[tls]\ncertificate = {:?}\nprivate_key = {:?}", certificates.certificate, certificates.private_key)
        }
    });
    line(&others("tls"));
    line("[catalog]\nurl = \"sqlite:catalog.db\"");
    line(&format!("[keys]\ncustodian = \"file\"{}\n[keys.file]\npath = \"root.key\"", others("keys")));
    line(&format!("[limits]{}", others("limits")));
    line("[[provider]]\nname = \"abroad\"");
    let secret = |name: &str, value: &str| {
        write_secret(Path::new(&format!("{home}/secrets/{name}")), value.as_bytes());
        format!("{{ file = \"{home}/secrets/{name}\" }}")
    };
    match &options.provider {
        Provider::Folder => line(&format!("kind = \"dir\"\npath = \"{home}/sealed\"")),
        Provider::S3 { endpoint, bucket, access_key, secret_key } => {
            line(&format!("kind = \"s3\"\nregion = \"us-east-1\"{}", others("provider")));
            line(&format!("endpoint = \"{endpoint}\"\nbucket = \"{bucket}\"\naccess_key_id = \"{access_key}\""));
            line(&format!("secret_access_key = {}", secret("provider", secret_key)));
        }
        Provider::Azure { endpoint, container, account, key } => {
            line(&format!("kind = \"azure\"{}", others("provider")));
            line(&format!("endpoint = \"{endpoint}\"\ncontainer = \"{container}\"\naccount = \"{account}\""));
            line(&format!("key = {}", secret("provider", key)));
        }
    }
    line("[write]");
    options.write.iter().for_each(|setting| line(setting));
    let everything =
        "allow = [{ buckets = [\"*\"], actions = [\"read\", \"write\", \"delete\", \"list\", \"admin\"] }]";
    line(&format!("[[client]]\nid = \"{CLIENT_ID}\"\ntenant = \"chum\"\n{everything}"));
    line(&format!("secret = {{ file = \"{home}/secrets/pacs\" }}"));
    for (id, tenant, text) in &options.clients {
        line(&format!("[[client]]\nid = \"{id}\"\ntenant = \"{tenant}\"\n{everything}"));
        line(&format!("secret = {}", secret(id, text)));
    }
    line("[[bucket]]\ntenant = \"chum\"\nname = \"imaging\"\nmax_bytes = \"1 PiB\"");
    text
}
