//! The way to the database is safe where its URL asks for that, and a server that proves less than asked is refused.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, KeyPair};
use ringback_model::Redacted;
use ringback_store::StoreError;
use ringback_store::backend::postgres::PostgresStore;
use tempfile::TempDir;

use super::cluster::Cluster;
use super::databases::connect;
use super::programs::Programs;
use super::traffic::Traffic;

/// An authority that vouches for servers.
struct Authority {
    key: KeyPair,
    certificate: Certificate,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self { certificate: params.self_signed(&key).unwrap(), key }
    }

    /// Certificate and key for a server of this name, as PEM.
    fn vouch(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.certificate, &self.key).unwrap().pem(), key.serialize_pem())
    }
}

/// A server that takes connections with TLS alone, and shows a certificate for `name`.
async fn server(authority: &Authority, name: &str) -> Option<Cluster> {
    let cluster = Cluster::start()?;
    let (certificate, key) = authority.vouch(name);
    for (file, text) in [("server.crt", certificate), ("server.key", key)] {
        let file = cluster.data().join(file);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        Programs::find()?.give(&file);
    }
    fs::write(cluster.data().join("pg_hba.conf"), "hostssl all all 127.0.0.1/32 trust\n").unwrap();
    let client = connect(&cluster.url("postgres")).await;
    client.batch_execute("ALTER SYSTEM SET ssl = on").await.unwrap();
    client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    Some(cluster)
}

fn pem_file(folder: &TempDir, name: &str, authority: &Authority) -> String {
    let file = folder.path().join(name);
    fs::write(&file, authority.certificate.pem()).unwrap();
    file.to_str().unwrap().to_owned()
}

/// Opens a store there with this at the end of its URL.
async fn open(cluster: &Cluster, settings: &str) -> Result<(), String> {
    let url = format!("{}?{settings}", cluster.url("postgres"));
    match PostgresStore::open(Traffic::new().options(&url)).await {
        Ok(_) => Ok(()),
        Err(StoreError::Open(text)) => Err(text),
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_mode_takes_what_proves_enough_and_nothing_less() {
    let (ours, other, folder) = (Authority::new(), Authority::new(), tempfile::tempdir().unwrap());
    let Some(right) = server(&ours, "127.0.0.1").await else { return };
    let Some(elsewhere) = server(&ours, "db.example").await else { return };
    let (roots, wrong) = (pem_file(&folder, "ours.pem", &ours), pem_file(&folder, "other.pem", &other));
    // The server reads its settings in its own time.
    while open(&right, "sslmode=require").await.is_err() || open(&elsewhere, "sslmode=require").await.is_err() {}
    for cluster in [&right, &elsewhere] {
        open(cluster, "sslmode=prefer").await.unwrap();
        open(cluster, &format!("sslmode=verify-ca&sslrootcert={roots}")).await.unwrap();
        let plain = open(cluster, "sslmode=disable").await.unwrap_err();
        assert!(plain.contains("no encryption"), "{plain}");
        for mode in ["require", "verify-ca", "verify-full"] {
            let refused = open(cluster, &format!("sslmode={mode}&sslrootcert={wrong}")).await.unwrap_err();
            assert!(refused.contains("UnknownIssuer") || refused.contains("BadSignature"), "{mode}: {refused}");
        }
        open(cluster, "sslmode=verify-full").await.unwrap_err();
    }
    open(&right, &format!("sslmode=verify-full&sslrootcert={roots}")).await.unwrap();
    let named = open(&elsewhere, &format!("sslmode=verify-full&sslrootcert={roots}")).await.unwrap_err();
    assert!(named.contains("not valid for name"), "{named}");
}

#[tokio::test]
async fn roots_that_cannot_be_read_are_said_with_their_file_and_without_the_password() {
    let options = |settings: &str| {
        let url = format!("postgres://a:hunter2@127.0.0.1/d?{settings}");
        ringback_store::backend::postgres::PostgresOptions { url: Redacted::new(url), ..Traffic::new().options("") }
    };
    for (settings, word) in [
        ("sslmode=verify-full&sslrootcert=/nowhere/ca.pem", "/nowhere/ca.pem"),
        ("sslmode=verify-full&sslrootcert=/dev/null", "there are none in it"),
        ("sslmode=very", "verify-full"),
    ] {
        let Err(StoreError::Open(text)) = PostgresStore::open(options(settings)).await else { panic!("{settings}") };
        assert!(text.contains(word) && !text.contains("hunter2"), "{text}");
    }
}
