-- Whose a machine is and what it is at, to be asked for in the transaction that gives one to a tenant.

ALTER TABLE machines ADD COLUMN tenant TEXT NOT NULL DEFAULT '';
UPDATE machines SET tenant = coalesce(json_extract(body, '$.tenant'), '');
CREATE INDEX machines_tenant ON machines (tenant);
CREATE INDEX machines_state ON machines (state);
