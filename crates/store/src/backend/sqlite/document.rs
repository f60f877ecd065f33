//! Configuration documents: how they are written and read.

use ringback_model::{AppNo, Redacted};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Result, Row, params};
use zeroize::Zeroizing;

use super::audit;
use super::batch::Batch;
use super::error::{sealed, unreadable};
use super::idempotency::{self, Answer, Found};
use super::notice;
use super::value::{At, coded, maybe_time, time};
use crate::{
    Configuration, Delete, DeletedDocument, DeletedQuery, Direction, Document, DocumentKind, DocumentPage, Expect,
    KnownVersions, MasterKey, Put, PutResult, Written,
};

/// All columns, in the order that [`read`] expects.
macro_rules! select {
    ($condition:literal) => {
        concat!("SELECT no, kind, parent, key, uid, version, deleted_at, body, secret FROM document WHERE ", $condition)
    };
}

/// Writes a document, and raises the version of its application's configuration.
pub(super) fn put(batch: &mut Batch<'_>, item: &Put) -> Result<PutResult> {
    if let Some(request) = &item.idempotency {
        match idempotency::find(batch, request)? {
            Found::Nothing => {}
            Found::SameBody(answer) => return Ok(PutResult::Replayed { no: answer.document_no()? }),
            Found::OtherBody => return Ok(PutResult::KeyReused),
        }
    }
    let replaced = match item.expect {
        Expect::New => None,
        Expect::Version { no, version } if is_at(batch, item.kind, (no, version), true)? => {
            Some(Written { no, version })
        }
        Expect::Deleted { no, version } if is_at(batch, item.kind, (no, version), false)? => {
            Some(Written { no, version })
        }
        Expect::Version { .. } | Expect::Deleted { .. } => return Ok(PutResult::Stale),
    };
    if let Some(taken) = taken(batch, item, replaced.map(|document| document.no))? {
        return Ok(taken);
    }
    let secret = item.secret.as_ref().map(|secret| {
        let place = place(item.kind, item.parent, &item.key);
        batch.key.seal(batch.random, &place, secret.reveal().as_bytes())
    });
    let written = match replaced {
        None => insert(batch, item, secret.as_deref())?,
        Some(document) => replace(batch, document, item, secret.as_deref())?,
    };
    // A new application belongs to itself, by the number that it has just got.
    let own = (item.kind == DocumentKind::Application).then_some(AppNo(written.no));
    if let Some(app) = item.app.or(own) {
        batch.changed(app)?;
    }
    if item.kind == DocumentKind::Organization && replaced.is_some() {
        for app in applications_of(batch.connection, written.no)? {
            batch.changed(app)?;
        }
    }
    if let Some(request) = &item.idempotency {
        idempotency::keep(batch, request, Answer::Document(written.no))?;
    }
    if let Some(audit) = &item.audit {
        audit::note(batch.connection, audit)?;
    }
    item.notices.iter().try_for_each(|told| notice::note(batch.connection, told))?;
    Ok(PutResult::Stored(written))
}

/// The living applications of an organization.
fn applications_of(connection: &Connection, organization: i64) -> Result<Vec<AppNo>> {
    let kind = DocumentKind::Application.code();
    connection
        .prepare_cached("SELECT no FROM document WHERE kind = ?1 AND parent = ?2 AND deleted_at IS NULL")?
        .query_map(params![kind, organization], |row| row.get(0).map(AppNo))?
        .collect()
}

/// Whether the document is at this version, and lives or does not.
fn is_at(batch: &Batch<'_>, kind: DocumentKind, (no, version): (i64, i64), lives: bool) -> Result<bool> {
    let sql = "SELECT 1 FROM document WHERE no = ?1 AND kind = ?2 AND version = ?3 AND (deleted_at IS NULL) = ?4";
    batch.connection.prepare_cached(sql)?.exists(params![no, kind.code(), version, lives])
}

/// Whether neither the document nor what it belongs to was deleted.
pub(super) fn lives(connection: &Connection, no: i64) -> Result<bool> {
    let sql = "SELECT 1 FROM document d JOIN document p ON p.no = d.parent \
               WHERE d.no = ?1 AND d.deleted_at IS NULL AND p.deleted_at IS NULL";
    connection.prepare_cached(sql)?.exists([no])
}

/// Whether another living document has the key or the uid.
fn taken(batch: &Batch<'_>, item: &Put, own: Option<i64>) -> Result<Option<PutResult>> {
    let (kind, parent) = (item.kind, item.parent);
    let other = |found: Option<Document>| found.is_some_and(|found| Some(found.no) != own);
    if other(by_key(batch.connection, batch.key, kind, parent, &item.key)?) {
        return Ok(Some(PutResult::KeyTaken));
    }
    if let Some(uid) = &item.uid
        && other(by_uid(batch.connection, batch.key, kind, parent, uid)?)
    {
        return Ok(Some(PutResult::UidTaken));
    }
    Ok(None)
}

fn insert(batch: &Batch<'_>, item: &Put, secret: Option<&[u8]>) -> Result<Written> {
    batch
        .connection
        .prepare_cached(
            "INSERT INTO document (kind, parent, key, uid, version, body, secret) VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6)",
        )?
        .execute(params![item.kind.code(), item.parent, item.key, item.uid, item.body, secret])?;
    Ok(Written { no: batch.connection.last_insert_rowid(), version: 1 })
}

fn replace(batch: &Batch<'_>, document: Written, item: &Put, secret: Option<&[u8]>) -> Result<Written> {
    let version = document.version + 1;
    batch
        .connection
        .prepare_cached(
            "UPDATE document SET parent = ?2, key = ?3, uid = ?4, version = ?5, body = ?6, secret = ?7, \
             deleted_at = NULL WHERE no = ?1",
        )?
        .execute(params![document.no, item.parent, item.key, item.uid, version, item.body, secret])?;
    Ok(Written { no: document.no, version })
}

/// Deletes a document: its row stays, its key and uid are free.
pub(super) fn delete(batch: &mut Batch<'_>, item: &Delete) -> Result<bool> {
    let (version, body) = item.rewrite.as_ref().map(|rewrite| (rewrite.version, &rewrite.body)).unzip();
    let gone_as = item.rewrite.as_ref().and_then(|rewrite| rewrite.gone_as).map(DocumentKind::code);
    let kind: Option<i64> = batch
        .connection
        .prepare_cached(
            "UPDATE document SET deleted_at = coalesce(deleted_at, ?2), body = coalesce(?4, body), \
             kind = coalesce(?5, kind), secret = CASE WHEN ?5 IS NULL THEN secret END, version = version + 1 WHERE no = ?1 AND CASE WHEN ?3 IS NULL THEN deleted_at IS NULL ELSE version = ?3 END \
             RETURNING kind",
        )?
        .query_row(params![item.no, At(item.now), version, body, gone_as], |row| row.get(0))
        .optional()?;
    let Some(kind) = kind else { return Ok(false) };
    if let Some(audit) = &item.audit {
        audit::note(batch.connection, audit)?;
    }
    item.notices.iter().try_for_each(|told| notice::note(batch.connection, told))?;
    let own = (kind == i64::from(DocumentKind::Application.code())).then_some(AppNo(item.no));
    if let Some(app) = item.app.or(own) {
        batch.changed(app)?;
    }
    Ok(true)
}

/// The version of an application's configuration; 0 if there never was any.
pub(super) fn configuration_version(connection: &Connection, app: AppNo) -> Result<i64> {
    let version = connection
        .prepare_cached("SELECT version FROM configuration WHERE app = ?1")?
        .query_row([app.0], |row| row.get(0))
        .optional()?;
    Ok(version.unwrap_or(0))
}

/// Raises the version of an application's configuration.
pub(super) fn raise_configuration_version(connection: &Connection, app: AppNo) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO configuration (app, version) VALUES (?1, 1) ON CONFLICT DO UPDATE SET version = version + 1",
        )?
        .execute([app.0])?;
    Ok(())
}

/// See [`crate::Store::document`].
pub(super) fn by_no(connection: &Connection, key: &MasterKey, no: i64) -> Result<Option<Document>> {
    connection.prepare_cached(select!("no = ?1"))?.query_row([no], |row| read(key, row)).optional()
}

/// See [`crate::Store::document_by_key`].
pub(super) fn by_key(
    connection: &Connection,
    key: &MasterKey,
    kind: DocumentKind,
    parent: i64,
    name: &str,
) -> Result<Option<Document>> {
    let sql = select!("kind = ?1 AND parent = ?2 AND key = ?3 AND deleted_at IS NULL");
    by_name(connection, key, sql, (kind, parent, name))
}

/// See [`crate::Store::deleted_document`].
pub(super) fn deleted_by_key(
    connection: &Connection,
    key: &MasterKey,
    kind: DocumentKind,
    parent: i64,
    name: &str,
) -> Result<Option<Document>> {
    let sql = select!("kind = ?1 AND parent = ?2 AND key = ?3 AND deleted_at IS NOT NULL");
    by_name(connection, key, sql, (kind, parent, name))
}

/// See [`crate::Store::document_by_uid`].
pub(super) fn by_uid(
    connection: &Connection,
    key: &MasterKey,
    kind: DocumentKind,
    parent: i64,
    uid: &str,
) -> Result<Option<Document>> {
    let sql = select!("kind = ?1 AND parent = ?2 AND uid = ?3 AND deleted_at IS NULL");
    by_name(connection, key, sql, (kind, parent, uid))
}

/// The document that a statement finds by kind, parent and name.
fn by_name(
    connection: &Connection,
    key: &MasterKey,
    sql: &str,
    (kind, parent, name): (DocumentKind, i64, &str),
) -> Result<Option<Document>> {
    connection.prepare_cached(sql)?.query_row(params![kind.code(), parent, name], |row| read(key, row)).optional()
}

/// See [`crate::Store::documents`].
pub(super) fn page(connection: &Connection, key: &MasterKey, page: &DocumentPage) -> Result<Vec<Document>> {
    let paging = &page.paging;
    let sql = match (paging.direction, &paging.after) {
        (Direction::Ascending, None) => {
            select!("kind = ?1 AND parent = ?2 AND deleted_at IS NULL AND ?3 IS NULL ORDER BY key LIMIT ?4")
        }
        (Direction::Ascending, Some(_)) => {
            select!("kind = ?1 AND parent = ?2 AND deleted_at IS NULL AND key > ?3 ORDER BY key LIMIT ?4")
        }
        (Direction::Descending, None) => {
            select!("kind = ?1 AND parent = ?2 AND deleted_at IS NULL AND ?3 IS NULL ORDER BY key DESC LIMIT ?4")
        }
        (Direction::Descending, Some(_)) => {
            select!("kind = ?1 AND parent = ?2 AND deleted_at IS NULL AND key < ?3 ORDER BY key DESC LIMIT ?4")
        }
    };
    let limit = i64::try_from(paging.limit).unwrap_or(i64::MAX);
    connection
        .prepare_cached(sql)?
        .query_map(params![page.kind.code(), page.parent, paging.after, limit], |row| read(key, row))?
        .collect()
}

/// See [`crate::Store::deleted_documents`].
pub(super) fn deleted_page(connection: &Connection, key: &MasterKey, page: &DocumentPage) -> Result<Vec<Document>> {
    let sql = match page.paging.direction {
        Direction::Ascending => {
            select!(
                "kind = ?1 AND parent = ?2 AND deleted_at IS NOT NULL AND (?3 IS NULL OR key > ?3) ORDER BY key LIMIT ?4"
            )
        }
        Direction::Descending => {
            select!(
                "kind = ?1 AND parent = ?2 AND deleted_at IS NOT NULL AND (?3 IS NULL OR key < ?3) \
                 ORDER BY key DESC LIMIT ?4"
            )
        }
    };
    let limit = i64::try_from(page.paging.limit).unwrap_or(i64::MAX);
    connection
        .prepare_cached(sql)?
        .query_map(params![page.kind.code(), page.parent, page.paging.after, limit], |row| read(key, row))?
        .collect()
}

/// See [`crate::Store::deleted_everywhere`].
pub(super) fn deleted_everywhere(connection: &Connection, query: &DeletedQuery) -> Result<Vec<DeletedDocument>> {
    let (parent, key) = &query.after;
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "SELECT no, parent, key, deleted_at FROM document WHERE kind = ?1 AND deleted_at IS NOT NULL \
             AND (parent, key) > (?2, ?3) ORDER BY parent, key LIMIT ?4",
        )?
        .query_map(params![query.kind.code(), parent, key, limit], |row| {
            Ok(DeletedDocument { no: row.get(0)?, parent: row.get(1)?, key: row.get(2)?, deleted_at: time(row, 3)? })
        })?
        .collect()
}

/// See [`crate::Store::configuration`].
pub(super) fn configuration(
    connection: &Connection,
    key: &MasterKey,
    app: AppNo,
    known: &KnownVersions,
) -> Result<Option<Configuration>> {
    // Read at one moment: the version must be that of the documents.
    let snapshot = connection.unchecked_transaction()?;
    let Some(application) = by_no(&snapshot, key, app.0)? else { return Ok(None) };
    let (mut parts, mut unchanged) = (Vec::new(), Vec::new());
    // In no order: sorting would read the bodies of what is known.
    let mut select = snapshot.prepare_cached(select!("kind IN (?1, ?2) AND parent = ?3 AND deleted_at IS NULL"))?;
    let mut rows = select.query(params![DocumentKind::Endpoint.code(), DocumentKind::Poller.code(), app.0])?;
    while let Some(row) = rows.next()? {
        let (no, version) = (row.get(0)?, row.get(5)?);
        if known.get(&no) == Some(&version) { unchanged.push(no) } else { parts.push(read(key, row)?) }
    }
    parts.sort_unstable_by(|one: &Document, other| one.key.cmp(&other.key));
    Ok(Some(Configuration { version: configuration_version(&snapshot, app)?, application, parts, unchanged }))
}

fn read(key: &MasterKey, row: &Row<'_>) -> Result<Document> {
    let mut document = Document {
        no: row.get(0)?,
        kind: coded(row, 1, DocumentKind::of_code)?,
        parent: row.get(2)?,
        key: row.get(3)?,
        uid: row.get(4)?,
        version: row.get(5)?,
        deleted_at: maybe_time(row, 6)?,
        body: row.get(7)?,
        secret: None,
    };
    if let Some(secret) = row.get_ref(8)?.as_blob_or_null()? {
        let place = place(document.kind, document.parent, &document.key);
        let plain = key.open(&place, secret).map_err(|error| sealed(8, error))?;
        document.secret = Some(text(&plain)?);
    }
    Ok(document)
}

fn text(plain: &Zeroizing<Vec<u8>>) -> Result<Redacted> {
    match std::str::from_utf8(plain) {
        Ok(text) => Ok(Redacted::new(text.to_owned())),
        Err(error) => Err(unreadable(8, Type::Blob, error)),
    }
}

/// A secret as it lies in the store.
pub(super) struct Sealed {
    pub(super) no: i64,
    pub(super) place: Vec<u8>,
    pub(super) secret: Vec<u8>,
}

/// All secrets, those of deleted documents too.
pub(super) fn secrets(connection: &Connection) -> Result<Vec<Sealed>> {
    let mut rows = connection
        .prepare("SELECT no, kind, parent, key, secret FROM document WHERE secret IS NOT NULL ORDER BY no")?;
    let found = rows.query_map([], |row| {
        let kind: u8 = row.get(1)?;
        let key: String = row.get(3)?;
        Ok(Sealed { no: row.get(0)?, place: place_of(kind, row.get(2)?, &key), secret: row.get(4)? })
    })?;
    found.collect()
}

fn place_of(kind: u8, parent: i64, key: &str) -> Vec<u8> {
    [&[kind], parent.to_be_bytes().as_slice(), key.as_bytes()].concat()
}

/// What a document's secret is bound to: moved to another row, it does not open.
pub(super) fn place(kind: DocumentKind, parent: i64, key: &str) -> Vec<u8> {
    place_of(kind.code(), parent, key)
}
