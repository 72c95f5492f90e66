-- How often a daily reconciliation has stayed where it is because the platform gave no answer.

ALTER TABLE reconciliations ADD COLUMN stays INTEGER NOT NULL DEFAULT 0;
