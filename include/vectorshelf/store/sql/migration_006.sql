-- Jobs of the provider's Batch API. Logged, unlike staging: a paid job must be found again after any crash.
-- A text stands in one open job of its space at most, so batch_texts is also the claim that nobody else asks for it.

CREATE TABLE vectorshelf.batch_jobs (
    job        text        PRIMARY KEY,                      -- our name for it; stands in the metadata of the batch
    run_id     text        NOT NULL,                         -- the run that pays
    catalog    text        NOT NULL,
    endpoint   text        NOT NULL,
    space      integer     NOT NULL REFERENCES vectorshelf.spaces,
    part       integer     NOT NULL,                         -- counted within the run
    -- planning: lines are being added. planned: complete. uploading: a file may be there. uploaded: file_id is.
    -- creating: a batch may be there. submitted: batch_id is. collected: nothing claimed any more. ended: files deleted.
    state      text        NOT NULL DEFAULT 'planning' CHECK (state IN
        ('planning', 'planned', 'uploading', 'uploaded', 'creating', 'submitted', 'collected', 'ended')),
    texts      integer     NOT NULL DEFAULT 0,
    stored     integer     NOT NULL DEFAULT 0,               -- of them, how many brought a vector
    file_id    text,
    batch_id   text        UNIQUE,
    status     text,                                         -- the provider's word, when last asked
    note       text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    moved_at   timestamptz NOT NULL DEFAULT clock_timestamp() -- when it came into its state, or last tried to leave it
);
CREATE INDEX batch_jobs_by_run ON vectorshelf.batch_jobs (run_id);
CREATE INDEX batch_jobs_open ON vectorshelf.batch_jobs (catalog) WHERE state <> 'ended';

-- One line of a job's file, until its result is stored.
CREATE TABLE vectorshelf.batch_lines (
    job    text    NOT NULL REFERENCES vectorshelf.batch_jobs ON DELETE CASCADE,
    line   integer NOT NULL,
    bytes  bigint  NOT NULL,                                 -- UTF-8 bytes of its texts
    tokens bigint  NOT NULL,                                 -- the estimate
    hold   bigint,                                           -- its promise of money in vectorshelf.requests
    presumed numeric(14, 8),                                 -- what that counts as once sent, if nothing is heard
    PRIMARY KEY (job, line)
);

CREATE TABLE vectorshelf.batch_texts (
    space    integer NOT NULL,
    sha256   bytea   NOT NULL,
    job      text    NOT NULL,
    line     integer NOT NULL,
    position integer NOT NULL,                               -- the index of its vector in the answer
    text     text    NOT NULL,
    PRIMARY KEY (space, sha256),
    FOREIGN KEY (job, line) REFERENCES vectorshelf.batch_lines ON DELETE CASCADE
);
CREATE UNIQUE INDEX batch_texts_by_line ON vectorshelf.batch_texts (job, line, position);
