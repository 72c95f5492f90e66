-- Indexes that other indexes can do without much more work. Each was a page more to write for every decision: what a
-- profile, a step or a document has in the audit log is in its customer's stream, and status is never below 0.

DROP INDEX audit_kyc;
DROP INDEX audit_step;
DROP INDEX audit_document;
DROP INDEX profiles_active;
