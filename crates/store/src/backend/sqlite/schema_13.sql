-- Version 13. Deleted documents are listed, so that they can come back.
CREATE INDEX document_deleted ON document (kind, parent, key) WHERE deleted_at IS NOT NULL;
