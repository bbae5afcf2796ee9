-- One row: everything a run needs to be allowed to do, asked before it does any of it.
SELECT
    current_database()                                        AS database,
    current_user                                              AS role,
    current_setting('server_version_num')::integer            AS server_version,
    (SELECT extversion FROM pg_extension WHERE extname = 'vector')                        AS installed,
    (SELECT default_version FROM pg_available_extensions WHERE name = 'vector')           AS offered,
    (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
        OR has_database_privilege(current_database(), 'CREATE')
           AND coalesce((SELECT bool_or(trusted) FROM pg_available_extension_versions WHERE name = 'vector'), false)
                                                              AS may_create_extension,
    CASE WHEN to_regnamespace('vectorshelf') IS NULL THEN has_database_privilege(current_database(), 'CREATE')
         ELSE has_schema_privilege('vectorshelf', 'USAGE') AND has_schema_privilege('vectorshelf', 'CREATE')
    END                                                       AS own_schema_usable,
    has_database_privilege(current_database(), 'TEMPORARY')   AS may_create_temporary,
    to_regnamespace(quote_ident(%(schema)s)) IS NOT NULL      AS schema_exists,
    CASE WHEN to_regnamespace(quote_ident(%(schema)s)) IS NULL THEN false
         ELSE has_schema_privilege(%(schema)s, 'USAGE') AND has_schema_privilege(%(schema)s, 'CREATE')
    END                                                       AS schema_usable
