//! nginx: stores and serves plaintext from a folder, and asks nobody who they are. The ceiling.

use std::process::Command;

use super::{CLIENT, Running, Started, target, tool};
use testing::certificates::Certificates;
use testing::process::free_port;

// `tcp_nopush` stays off, as it is by default: on loopback it holds the end of a 64 KiB answer back for 40 ms.
pub(super) fn start(tls: bool) -> Running {
    let home = tempfile::tempdir().unwrap();
    let port = free_port();
    let certificates = Certificates::make(&home.path().join("tls"));
    for folder in ["files", "temporary"] {
        std::fs::create_dir_all(home.path().join(folder)).unwrap();
    }
    let protection = format!(
        "ssl_certificate {};\nssl_certificate_key {};",
        certificates.certificate.display(),
        certificates.private_key.display()
    );
    let text = format!(
        "user root;\ndaemon off;\nworker_processes auto;\npid nginx.pid;\nerror_log stderr error;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\n\
         access_log off;\nsendfile on;\nkeepalive_requests 1000000000;\nkeepalive_timeout 300s;\n\
         client_max_body_size 0;\nclient_body_temp_path temporary/body;\nproxy_temp_path temporary/proxy;\n\
         fastcgi_temp_path temporary/fastcgi;\nuwsgi_temp_path temporary/uwsgi;\nscgi_temp_path temporary/scgi;\n\
         server {{\nlisten 127.0.0.1:{port}{};\n{}\nroot files;\ndav_methods PUT;\ncreate_full_put_path on;\n}}\n}}\n",
        if tls { " ssl" } else { "" },
        if tls { protection.as_str() } else { "" },
    );
    std::fs::write(home.path().join("nginx.conf"), text).unwrap();
    let mut command = Command::new(tool("nginx"));
    command.env_clear().env("PATH", "/usr/bin:/bin").current_dir(home.path());
    command.arg("-e").arg(home.path().join("log")).arg("-p").arg(home.path()).arg("-c").arg("nginx.conf");
    let started = Started::spawn(command, home, port);
    // It asks for no signature; the client makes one all the same, so that it costs the same.
    Running::new(target(port, tls, &certificates, CLIENT, "unasked for"), started.child.id(), started)
}
