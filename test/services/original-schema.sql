CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE public.blocks (
    uid character varying(32),
    version_uid character varying(36) NOT NULL,
    id integer NOT NULL,
    date timestamp without time zone NOT NULL,
    checksum character varying(128),
    size bigint,
    valid integer NOT NULL,
    enc_version integer NOT NULL,
    enc_envkey character varying(80),
    enc_nonce character varying(32)
);

CREATE TABLE public.deleted_blocks (
    id bigint NOT NULL,
    uid character varying(32),
    size bigint,
    delete_candidate integer NOT NULL,
    "time" bigint NOT NULL
);

CREATE SEQUENCE public.deleted_blocks_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.deleted_blocks_id_seq OWNED BY public.deleted_blocks.id;

CREATE TABLE public.stats (
    date timestamp without time zone NOT NULL,
    id integer NOT NULL,
    version_uid character varying(36),
    version_name character varying(2048) NOT NULL,
    version_size_bytes bigint NOT NULL,
    version_size_blocks bigint NOT NULL,
    bytes_read bigint NOT NULL,
    blocks_read bigint NOT NULL,
    bytes_written bigint NOT NULL,
    blocks_written bigint NOT NULL,
    bytes_found_dedup bigint NOT NULL,
    blocks_found_dedup bigint NOT NULL,
    bytes_sparse bigint NOT NULL,
    blocks_sparse bigint NOT NULL,
    duration_seconds bigint NOT NULL
);

CREATE SEQUENCE public.stats_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.stats_id_seq OWNED BY public.stats.id;

CREATE TABLE public.tags (
    version_uid character varying(36) NOT NULL,
    name character varying(2048) NOT NULL
);

CREATE TABLE public.versions (
    uid character varying(36) NOT NULL,
    date timestamp without time zone NOT NULL,
    expire timestamp without time zone,
    name character varying(2048) NOT NULL,
    snapshot_name character varying(2048) DEFAULT ''::character varying NOT NULL,
    size bigint NOT NULL,
    size_bytes bigint NOT NULL,
    valid integer NOT NULL,
    protected integer NOT NULL
);

ALTER TABLE ONLY public.deleted_blocks ALTER COLUMN id SET DEFAULT nextval('public.deleted_blocks_id_seq'::regclass);

ALTER TABLE ONLY public.stats ALTER COLUMN id SET DEFAULT nextval('public.stats_id_seq'::regclass);

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY public.blocks
    ADD CONSTRAINT blocks_pkey PRIMARY KEY (version_uid, id);

ALTER TABLE ONLY public.deleted_blocks
    ADD CONSTRAINT deleted_blocks_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.stats
    ADD CONSTRAINT stats_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.tags
    ADD CONSTRAINT tags_pkey PRIMARY KEY (version_uid, name);

ALTER TABLE ONLY public.versions
    ADD CONSTRAINT versions_pkey PRIMARY KEY (uid);

CREATE INDEX ix_blocks_checksum ON public.blocks USING btree (checksum);

CREATE INDEX ix_blocks_uid ON public.blocks USING btree (uid);

CREATE INDEX ix_deleted_blocks_uid ON public.deleted_blocks USING btree (uid);

CREATE INDEX ix_stats_version_uid ON public.stats USING btree (version_uid);

ALTER TABLE ONLY public.blocks
    ADD CONSTRAINT blocks_version_uid_fkey FOREIGN KEY (version_uid) REFERENCES public.versions(uid);

ALTER TABLE ONLY public.tags
    ADD CONSTRAINT tags_version_uid_fkey FOREIGN KEY (version_uid) REFERENCES public.versions(uid);
