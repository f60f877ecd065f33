//! Configuration documents: how they are written and read.

use ringback_model::{AppNo, Random, Redacted, Timestamp};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::audit;
use super::connection::{Client, Purpose, query, transaction};
use super::error::{Result, SqlError};
use super::idempotency::{self, Answer, Found};
use super::notice;
use super::queue;
use super::shard::{floor_of, floor_of_id};
use super::value::{Values, coded, get, is_storable, limit, maybe_time, time};
use crate::document::DocumentShard;
use crate::{
    Configuration, Delete, DeletedDocument, DeletedQuery, Direction, Document, DocumentKind, DocumentPage, Expect,
    KnownVersions, MasterKey, Put, PutResult, Written,
};

/// All columns, in the order that [`read`] expects.
macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT no, kind, parent, key, uid, version, deleted_at, body, secret FROM ringback.document WHERE ",
            $condition
        )
    };
}

/// What secrets are sealed with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sealing<'a> {
    pub(super) key: &'a MasterKey,
    pub(super) random: &'a dyn Random,
}

/// Writes a document, and raises the version of its application's configuration, or of all of an organization's. Within
/// a transaction; answers the applications that have changed too.
pub(super) async fn put(
    client: &Client,
    now: Timestamp,
    sealing: Sealing<'_>,
    item: &Put,
) -> Result<(PutResult, Vec<AppNo>)> {
    if let Some(request) = &item.idempotency {
        match idempotency::find(client, now, request).await? {
            Found::Nothing => {}
            Found::SameBody(answer) => return Ok((PutResult::Replayed { no: answer.document_no()? }, Vec::new())),
            Found::OtherBody => return Ok((PutResult::KeyReused, Vec::new())),
        }
    }
    let replaced = match item.expect {
        Expect::New => None,
        Expect::Version { no, version } if is_at(client, item.kind, (no, version), true).await? => {
            Some(Written { no, version })
        }
        Expect::Deleted { no, version } if is_at(client, item.kind, (no, version), false).await? => {
            Some(Written { no, version })
        }
        Expect::Version { .. } | Expect::Deleted { .. } => return Ok((PutResult::Stale, Vec::new())),
    };
    if let Some(taken) = taken(client, item, replaced.map(|document| document.no)).await? {
        return Ok((taken, Vec::new()));
    }
    let secret = item.secret.as_ref().map(|secret| {
        let place = place(item.kind, item.parent, &item.key);
        sealing.key.seal(sealing.random, &place, secret.reveal().as_bytes())
    });
    let written = match replaced {
        None => insert(client, item, secret.as_deref()).await?,
        Some(document) => replace(client, document, item, secret.as_deref()).await?,
    };
    // A new application belongs to itself, by the number that it has just got.
    let own = (item.kind == DocumentKind::Application).then_some(AppNo(written.no));
    let mut changed: Vec<AppNo> = item.app.or(own).into_iter().collect();
    if item.kind == DocumentKind::Organization && replaced.is_some() {
        changed = applications_of(client, written.no).await?;
    }
    raise_configuration_versions(client, &changed).await?;
    if let Some(request) = &item.idempotency {
        idempotency::keep(client, now, request, Answer::of_document(written.no)).await?;
    }
    if let Some(told) = &item.audit {
        audit::note(client, told).await?;
    }
    notice::note(client, &item.notices).await?;
    Ok((PutResult::Stored(written), changed))
}

/// What a collision with a document that was written at the same time amounts to.
pub(super) fn collision(error: SqlError) -> Result<PutResult> {
    match error.taken() {
        Some("document_by_key") => Ok(PutResult::KeyTaken),
        Some("document_by_uid") => Ok(PutResult::UidTaken),
        _ => Err(error),
    }
}

/// Whether the document is at this version, and lives or does not; until the end of the transaction nobody else changes
/// it.
async fn is_at(client: &Client, kind: DocumentKind, (no, version): (i64, i64), lives: bool) -> Result<bool> {
    let sql = "SELECT FROM ringback.document WHERE no = $1 AND kind = $2 AND version = $3 \
               AND (deleted_at IS NULL) = $4 FOR UPDATE";
    let values =
        Values::default().int8(no).and(i16::from(kind.code()), Type::INT2).int8(version).and(lives, Type::BOOL);
    Ok(!query(client, sql, &values).await?.is_empty())
}

/// Whether neither the document nor what it belongs to was deleted; if it was, until the end of the transaction it does
/// not come back.
pub(super) async fn lives(client: &Client, no: i64) -> Result<bool> {
    let sql = "SELECT d.deleted_at IS NULL AND p.deleted_at IS NULL FROM ringback.document d \
               JOIN ringback.document p ON p.no = d.parent WHERE d.no = $1 FOR SHARE OF d";
    let rows = query(client, sql, &Values::default().int8(no)).await?;
    rows.first().map_or(Ok(false), |row| get(row, 0))
}

/// Whether another living document has the key or the uid.
async fn taken(client: &Client, item: &Put, own: Option<i64>) -> Result<Option<PutResult>> {
    let sql = "SELECT key = $3 FROM ringback.document WHERE parent = $1 AND kind = $2 AND deleted_at IS NULL \
               AND (key = $3 OR uid = $4) AND no IS DISTINCT FROM $5 ORDER BY 1 DESC LIMIT 1";
    let values = Values::default()
        .int8(item.parent)
        .and(i16::from(item.kind.code()), Type::INT2)
        .and(item.key.as_str(), Type::TEXT)
        .and(item.uid.as_deref(), Type::TEXT)
        .int8(own);
    let rows = query(client, sql, &values).await?;
    let by_key = rows.first().map(|row| get::<bool>(row, 0)).transpose()?;
    Ok(by_key.map(|by_key| if by_key { PutResult::KeyTaken } else { PutResult::UidTaken }))
}

async fn insert(client: &Client, item: &Put, secret: Option<&[u8]>) -> Result<Written> {
    if item.kind == DocumentKind::Application {
        // Who is changing the organization raises the versions of the applications that it sees: of this one, too, or
        // this one is made after the change.
        let values = Values::default().int8(item.parent);
        query(client, "SELECT FROM ringback.document WHERE no = $1 FOR SHARE", &values).await?;
    }
    let floor = match item.kind.shard() {
        DocumentShard::OwnId => floor_of_id(&item.key),
        DocumentShard::OfParent => floor_of(item.parent),
        DocumentShard::First => 0,
    };
    let sql = "INSERT INTO ringback.document (no, kind, parent, key, uid, version, body, secret) \
               VALUES ($1 + nextval('ringback.document_no'), $2, $3, $4, $5, 1, $6, $7) RETURNING no";
    let values = Values::default()
        .int8(floor)
        .and(i16::from(item.kind.code()), Type::INT2)
        .int8(item.parent)
        .and(item.key.as_str(), Type::TEXT)
        .and(item.uid.as_deref(), Type::TEXT)
        .and(item.body.as_str(), Type::TEXT)
        .and(secret, Type::BYTEA);
    let rows = query(client, sql, &values).await?;
    let row = rows.first().ok_or_else(|| SqlError::unreadable("document", "it was not returned"))?;
    Ok(Written { no: get(row, 0)?, version: 1 })
}

async fn replace(client: &Client, document: Written, item: &Put, secret: Option<&[u8]>) -> Result<Written> {
    let version = document.version + 1;
    let sql = "UPDATE ringback.document SET parent = $2, key = $3, uid = $4, version = $5, body = $6, secret = $7, \
               deleted_at = NULL WHERE no = $1";
    let values = Values::default()
        .int8(document.no)
        .int8(item.parent)
        .and(item.key.as_str(), Type::TEXT)
        .and(item.uid.as_deref(), Type::TEXT)
        .int8(version)
        .and(item.body.as_str(), Type::TEXT)
        .and(secret, Type::BYTEA);
    query(client, sql, &values).await?;
    Ok(Written { no: document.no, version })
}

/// Deletes a document: its row stays, its key and uid are free. Within a transaction; answers the application that has
/// changed, or nothing if the document was gone.
pub(super) async fn delete(client: &Client, item: &Delete) -> Result<Option<Option<AppNo>>> {
    let sql = "UPDATE ringback.document SET deleted_at = coalesce(deleted_at, $2), body = coalesce($4, body), \
               kind = coalesce($5, kind), secret = CASE WHEN $5 IS NULL THEN secret END, version = version + 1 WHERE no = $1 \
               AND CASE WHEN $3::bigint IS NULL THEN deleted_at IS NULL ELSE version = $3 END RETURNING kind";
    let (version, body) = item.rewrite.as_ref().map(|rewrite| (rewrite.version, rewrite.body.as_str())).unzip();
    let gone_as = item.rewrite.as_ref().and_then(|rewrite| rewrite.gone_as).map(|kind| i16::from(kind.code()));
    let values = Values::default()
        .int8(item.no)
        .int8(item.now.as_micros())
        .and(version, Type::INT8)
        .and(body, Type::TEXT)
        .and(gone_as, Type::INT2);
    let Some(row) = query(client, sql, &values).await?.pop() else { return Ok(None) };
    if let Some(told) = &item.audit {
        audit::note(client, told).await?;
    }
    notice::note(client, &item.notices).await?;
    let own = (coded(&row, 0, DocumentKind::of_code)? == DocumentKind::Application).then_some(AppNo(item.no));
    let changed = item.app.or(own);
    raise_configuration_versions(client, changed.as_slice()).await?;
    Ok(Some(changed))
}

/// Raises the versions of applications' configuration, once those who accept by the present ones are done.
async fn raise_configuration_versions(client: &Client, apps: &[AppNo]) -> Result<()> {
    if apps.is_empty() {
        return Ok(());
    }
    queue::lock_configuration(client, apps).await?;
    let sql = "INSERT INTO ringback.configuration AS c (app, version, changed_in) \
               SELECT app, 1, pg_current_xact_id() FROM unnest($1::bigint[]) AS app \
               ON CONFLICT (app) DO UPDATE SET version = c.version + 1, changed_in = excluded.changed_in";
    query(client, sql, &Values::default().int8s(apps.iter().map(|app| app.0))).await.map(drop)
}

/// The living applications of an organization. No other is made until the end of the transaction, as its document was
/// locked before: see [`insert`].
async fn applications_of(client: &Client, organization: i64) -> Result<Vec<AppNo>> {
    let sql = "SELECT no FROM ringback.document WHERE parent = $1 AND kind = $2 AND deleted_at IS NULL ORDER BY no";
    let kind = i16::from(DocumentKind::Application.code());
    let values = Values::default().int8(organization).and(kind, Type::INT2);
    query(client, sql, &values).await?.iter().map(|row| get(row, 0).map(AppNo)).collect()
}

/// See [`crate::Store::document`].
pub(super) async fn by_no(client: &Client, key: &MasterKey, no: i64) -> Result<Option<Document>> {
    let values = Values::default().int8(no);
    let rows = transaction(client, Purpose::Read, query(client, select!("no = $1"), &values)).await?;
    rows.first().map(|row| read(key, row)).transpose()
}

/// See [`crate::Store::document_by_key`].
pub(super) async fn by_key(
    client: &Client,
    key: &MasterKey,
    (kind, parent): (DocumentKind, i64),
    name: &str,
) -> Result<Option<Document>> {
    by_name(client, key, select!("kind = $1 AND parent = $2 AND key = $3 AND deleted_at IS NULL"), (kind, parent), name)
        .await
}

/// See [`crate::Store::deleted_document`].
pub(super) async fn deleted_by_key(
    client: &Client,
    key: &MasterKey,
    (kind, parent): (DocumentKind, i64),
    name: &str,
) -> Result<Option<Document>> {
    let sql = select!("kind = $1 AND parent = $2 AND key = $3 AND deleted_at IS NOT NULL");
    by_name(client, key, sql, (kind, parent), name).await
}

/// See [`crate::Store::document_by_uid`].
pub(super) async fn by_uid(
    client: &Client,
    key: &MasterKey,
    (kind, parent): (DocumentKind, i64),
    uid: &str,
) -> Result<Option<Document>> {
    by_name(client, key, select!("kind = $1 AND parent = $2 AND uid = $3 AND deleted_at IS NULL"), (kind, parent), uid)
        .await
}

async fn by_name(
    client: &Client,
    key: &MasterKey,
    sql: &str,
    (kind, parent): (DocumentKind, i64),
    name: &str,
) -> Result<Option<Document>> {
    if !is_storable(name) {
        return Ok(None);
    }
    let values = Values::default().and(i16::from(kind.code()), Type::INT2).int8(parent).and(name, Type::TEXT);
    let rows = transaction(client, Purpose::Read, query(client, sql, &values)).await?;
    rows.first().map(|row| read(key, row)).transpose()
}

/// See [`crate::Store::documents`] and [`crate::Store::deleted_documents`].
pub(super) async fn page(
    client: &Client,
    key: &MasterKey,
    page: &DocumentPage,
    deleted: bool,
) -> Result<Vec<Document>> {
    let paging = &page.paging;
    let sql = match (paging.direction, deleted) {
        (Direction::Ascending, true) => {
            select!(
                "kind = $1 AND parent = $2 AND deleted_at IS NOT NULL AND ($3::text IS NULL OR key > $3) \
                 ORDER BY key LIMIT $4"
            )
        }
        (Direction::Descending, true) => {
            select!(
                "kind = $1 AND parent = $2 AND deleted_at IS NOT NULL AND ($3::text IS NULL OR key < $3) \
                 ORDER BY key DESC LIMIT $4"
            )
        }
        (Direction::Ascending, false) => {
            select!(
                "kind = $1 AND parent = $2 AND deleted_at IS NULL AND ($3::text IS NULL OR key > $3) \
                 ORDER BY key LIMIT $4"
            )
        }
        (Direction::Descending, false) => {
            select!(
                "kind = $1 AND parent = $2 AND deleted_at IS NULL AND ($3::text IS NULL OR key < $3) \
                 ORDER BY key DESC LIMIT $4"
            )
        }
    };
    let values = Values::default()
        .and(i16::from(page.kind.code()), Type::INT2)
        .int8(page.parent)
        .and(paging.after.as_deref(), Type::TEXT)
        .int8(limit(paging.limit));
    let rows = transaction(client, Purpose::Read, query(client, sql, &values)).await?;
    rows.iter().map(|row| read(key, row)).collect()
}

/// See [`crate::Store::deleted_everywhere`].
pub(super) async fn deleted_everywhere(client: &Client, asked: &DeletedQuery) -> Result<Vec<DeletedDocument>> {
    // As the index is ordered: by parent, kind and key.
    let sql = "SELECT no, parent, key, deleted_at FROM ringback.document WHERE kind = $1 AND deleted_at IS NOT NULL \
               AND (parent, kind, key) > ($2, $1, $3) ORDER BY parent, kind, key LIMIT $4";
    let (parent, key) = &asked.after;
    let values = Values::default()
        .and(i16::from(asked.kind.code()), Type::INT2)
        .int8(*parent)
        .and(key.as_str(), Type::TEXT)
        .int8(limit(asked.limit));
    let rows = transaction(client, Purpose::Search, query(client, sql, &values)).await?;
    rows.iter()
        .map(|row| {
            Ok(DeletedDocument { no: get(row, 0)?, parent: get(row, 1)?, key: get(row, 2)?, deleted_at: time(row, 3)? })
        })
        .collect()
}

/// What belongs to an application, and of each whether the reader has it: then it comes without its text.
const PARTS_SQL: &str = "SELECT no, kind, parent, key, uid, version, deleted_at, \
      CASE WHEN is_known THEN '' ELSE body END, CASE WHEN is_known THEN NULL ELSE secret END, is_known \
    FROM (SELECT *, (no, version) IN (SELECT * FROM unnest($3::bigint[], $4::bigint[])) AS is_known \
      FROM ringback.document WHERE kind = ANY ($1::smallint[]) AND parent = $2 AND deleted_at IS NULL) AS part \
    ORDER BY key";

/// See [`crate::Store::configuration`].
pub(super) async fn configuration(
    client: &Client,
    key: &MasterKey,
    app: AppNo,
    known: &KnownVersions,
) -> Result<Option<Configuration>> {
    let document = Values::default().int8(app.0);
    let kinds = [DocumentKind::Endpoint, DocumentKind::Poller].map(|kind| i16::from(kind.code()));
    let parts = Values::default().int2s(kinds).int8(app.0).int8s(known.keys().copied()).int8s(known.values().copied());
    // Read at one moment: the version must be that of the documents.
    let (version, document, parts) = transaction(client, Purpose::Read, async {
        let (version, document, parts) = tokio::join!(biased;
            query(client, "SELECT version FROM ringback.configuration WHERE app = $1", &document),
            query(client, select!("no = $1"), &document),
            query(client, PARTS_SQL, &parts)
        );
        Ok((version?, document?, parts?))
    })
    .await?;
    let Some(document) = document.first() else { return Ok(None) };
    let version = version.first().map_or(Ok(0), |row| get(row, 0))?;
    let mut configuration =
        Configuration { version, application: read(key, document)?, parts: Vec::new(), unchanged: Vec::new() };
    for row in &parts {
        if get(row, 9)? {
            configuration.unchanged.push(get(row, 0)?);
        } else {
            configuration.parts.push(read(key, row)?);
        }
    }
    Ok(Some(configuration))
}

/// How many secrets do not open with a key. Within a transaction.
pub(super) async fn closed_secrets(client: &Client, key: &MasterKey) -> Result<usize> {
    let sql = "SELECT kind, parent, key, secret FROM ringback.document WHERE secret IS NOT NULL";
    let mut closed = 0;
    for row in query(client, sql, &Values::default()).await? {
        let place = place(coded(&row, 0, DocumentKind::of_code)?, get(&row, 1)?, &get::<String>(&row, 2)?);
        closed += usize::from(key.open(&place, &get::<Vec<u8>>(&row, 3)?).is_err());
    }
    Ok(closed)
}

fn read(key: &MasterKey, row: &Row) -> Result<Document> {
    let mut document = Document {
        no: get(row, 0)?,
        kind: coded(row, 1, DocumentKind::of_code)?,
        parent: get(row, 2)?,
        key: get(row, 3)?,
        uid: get(row, 4)?,
        version: get(row, 5)?,
        deleted_at: maybe_time(row, 6)?,
        body: get(row, 7)?,
        secret: None,
    };
    if let Some(secret) = get::<Option<Vec<u8>>>(row, 8)? {
        let place = place(document.kind, document.parent, &document.key);
        let plain = key.open(&place, &secret).map_err(|error| SqlError::unreadable("secret", error))?;
        let text = std::str::from_utf8(&plain).map_err(|error| SqlError::unreadable("secret", error))?;
        document.secret = Some(Redacted::new(text.to_owned()));
    }
    Ok(document)
}

/// What a document's secret is bound to: moved to another row, it does not open.
fn place(kind: DocumentKind, parent: i64, key: &str) -> Vec<u8> {
    [&[kind.code()], parent.to_be_bytes().as_slice(), key.as_bytes()].concat()
}
