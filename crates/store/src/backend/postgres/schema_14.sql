-- Version 14. Deleted documents are listed, so that they can come back.
CREATE INDEX document_deleted ON ringback.document (parent, kind, key) WHERE deleted_at IS NOT NULL;
