-- SSH keys belong to a tenant; those of before are the region's own.
ALTER TABLE ssh_keys RENAME TO ssh_keys_of_before;
CREATE TABLE ssh_keys (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (tenant, name),
    UNIQUE (tenant, fingerprint)
);
INSERT INTO ssh_keys SELECT '', name, key, fingerprint, created_at FROM ssh_keys_of_before;
DROP TABLE ssh_keys_of_before;

-- API keys belong to a user; those of before become the admin's, who is made where there are any. The ids are opaque,
-- and nothing about a hash of 256 random bits is secret.
INSERT INTO users (id, key, body)
SELECT
    'u' || substr(min(sha256), 1, 9),
    'admin',
    json_object(
        'id', 'u' || substr(min(sha256), 1, 9), 'name', 'admin', 'role', 'admin', 'created_at', min(created_at)
    )
FROM api_keys
WHERE NOT EXISTS (SELECT 1 FROM users WHERE key = 'admin')
HAVING count(*) > 0;

INSERT INTO user_keys (id, key, body)
SELECT
    'k' || substr(api_keys.sha256, 1, 9),
    api_keys.sha256,
    json_object(
        'id', 'k' || substr(api_keys.sha256, 1, 9),
        'user', users.id,
        'name', api_keys.name,
        'sha256', api_keys.sha256,
        'created_at', api_keys.created_at,
        'last_used', api_keys.last_used
    )
FROM api_keys CROSS JOIN users
WHERE users.key = 'admin' AND api_keys.sha256 NOT IN (SELECT key FROM user_keys);

DROP TABLE api_keys;
