//! `rclone serve s3` over `crypt` over a folder, with its defaults.

use std::process::Command;

use super::{CLIENT, Running, Started, random_text, target, tool};
use testing::certificates::Certificates;
use testing::process::free_port;

pub(super) fn start(tls: bool) -> Running {
    let home = tempfile::tempdir().unwrap();
    let rclone = tool("rclone");
    let (port, secret) = (free_port(), random_text());
    let obscured = Command::new(&rclone).args(["obscure", &random_text()]).output().unwrap();
    let obscured = String::from_utf8(obscured.stdout).unwrap();
    let sealed = home.path().join("sealed");
    std::fs::create_dir_all(&sealed).unwrap();
    let text = format!("[sealed]\ntype = crypt\nremote = {}\npassword = {obscured}", sealed.display());
    std::fs::write(home.path().join("rclone.conf"), text).unwrap();

    let certificates = Certificates::make(&home.path().join("tls"));
    let mut command = Command::new(rclone);
    command.env_clear().env("HOME", home.path()).env("PATH", "/usr/bin:/bin");
    command.args(["serve", "s3", "sealed:", "--config"]).arg(home.path().join("rclone.conf"));
    command.args(["--addr", &format!("127.0.0.1:{port}"), "--auth-key", &format!("{CLIENT},{secret}")]);
    if tls {
        command.arg("--cert").arg(&certificates.certificate).arg("--key").arg(&certificates.private_key);
    }
    let started = Started::spawn(command, home, port);
    Running::new(target(port, tls, &certificates, CLIENT, &secret), started.child.id(), started)
}
