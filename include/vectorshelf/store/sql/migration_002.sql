-- Texts that a live session is about to embed: nobody else sends them meanwhile. A claim is worth as much as its holder's
-- advisory lock, so one whose holder died is free at once. A crash of the server ends all sessions and may forget them: unlogged.
CREATE UNLOGGED TABLE vectorshelf.claims (
    space  integer NOT NULL,
    sha256 bytea   NOT NULL,
    holder integer NOT NULL,
    PRIMARY KEY (space, sha256)
);
CREATE SEQUENCE vectorshelf.claim_holders AS integer CYCLE;

-- A text that one model refuses, another may take. Rows are put aside whatever the model: space 0.
ALTER TABLE vectorshelf.quarantine
    ADD COLUMN space integer NOT NULL DEFAULT 0,
    DROP CONSTRAINT quarantine_catalog_kind_fingerprint_key,
    ADD UNIQUE (catalog, kind, fingerprint, space);
-- What was refused before: by the model of the catalog's last run.
UPDATE vectorshelf.quarantine q
SET space = s.space
FROM (SELECT DISTINCT ON (catalog) catalog, request #>> '{catalog,embedding,model}' AS model,
             (request #>> '{catalog,embedding,dimensions}')::integer AS dimensions
      FROM vectorshelf.runs ORDER BY catalog, started_at DESC) r
JOIN vectorshelf.spaces s ON s.model = r.model AND s.dimensions = r.dimensions
WHERE q.kind = 'text' AND q.catalog = r.catalog;

-- A promise of money whose holder died counts as the most it may have cost.
UPDATE vectorshelf.requests SET cost_usd = held_usd WHERE held_until IS NOT NULL;
