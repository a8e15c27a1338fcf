import { configurationSchema } from '../../agent/adapters/configuration/schema.js';

/** What the page needs to know of a schema, whatever library made it. */
interface SchemaNode {
  readonly type: string;
  readonly entries?: Readonly<Record<string, SchemaNode>>;
  /** What is optional, and its default. */
  readonly wrapped?: SchemaNode;
  readonly default?: unknown;
  /** The values of a map. */
  readonly value?: SchemaNode;
  /** The forms that a map can have, told apart by their literal `type`. */
  readonly options?: readonly (SchemaNode | string)[];
  readonly literal?: unknown;
  readonly pipe?: readonly SchemaNode[];
  readonly description?: string;
  readonly metadata?: { readonly allowed?: string };
}

const example = `deviceId: press-7
labels: {site: hall-2, class: pi4}
stateDir: /var/lib/tinylamp
mqtt:
  url: [mqtts://broker.example:8883, mqtts://broker-2.example:8883]
  protocol: auto
  prefix: tinylamp
  username: press-7
  passwordFile: password
  tls: {ca: ca.pem, cert: press-7.pem, key: press-7.key}
trust: {keyset: keyset.cbor}
slots:
  vibration:
    source: {type: mqtt, topic: sensors/press-7/accel, decode: json, fields: [/x, /y, /z]}
    sink: {type: mqtt, encode: json}
    limits: {arenaBytes: 262144, imageBytes: 1048576, periodMs: 1000}
telemetry: {schedule: "* * * * *"}
limits: {storageBytes: 67108864, spoolBytes: 8388608}
production: true
`;

const smallest = `stateDir: state
mqtt: {url: mqtt://localhost}
trust: {keyset: keyset.cbor}
slots:
  door:
    source: {type: file, path: frames.raw, decode: raw}
`;

/** The page that lists every key of the configuration: `docs/configuration.md`. */
export function renderConfigurationPage(): string {
  const entries = Object.entries((configurationSchema as SchemaNode).entries ?? {});
  const lines = [
    '# Configuration of an agent',
    '',
    '`tinylamp agent --config agent.yaml` reads one YAML file. Paths in it are relative to its folder. A key that is not',
    'listed here, a wrong type or a value out of range ends the agent before it has done anything, with a message that names',
    'the key, the value and what is allowed. This page is made from `agent/adapters/configuration/schema.ts` by',
    '`npm run docs`.',
    '',
    'All that there is, in one file:',
    '',
    '```yaml',
    ...example.trimEnd().split('\n'),
    '```',
    '',
    'The least that there can be:',
    '',
    '```yaml',
    ...smallest.trimEnd().split('\n'),
    '```',
    '',
    'Secrets are never written into this file: it names the files that hold them.',
    '',
    '## The device',
    '',
    ...table(entries.flatMap(([key, node]) => (isSection(node) ? [] : rowsOf(key, node)))),
  ];
  for (const [key, node] of entries.filter(([, each]) => isSection(each))) {
    lines.push('', `## \`${key}\``, '', descriptionOf(node), '', ...table(rowsOf(key, node)));
  }
  return `${lines.join('\n')}\n`;
}

/** Whether a key has keys of its own that are known by name. */
function isSection(node: SchemaNode): boolean {
  const { entries, value } = unwrap(node);
  return entries !== undefined || value?.entries !== undefined;
}

function table(rows: readonly string[]): string[] {
  return ['| key | allowed | default | meaning |', '|---|---|---|---|', ...rows];
}

function rowsOf(key: string, node: SchemaNode, only = ''): string[] {
  const inner = unwrap(node);
  if (inner.entries !== undefined) {
    return Object.entries(inner.entries).flatMap(([name, each]) => rowsOf(`${key}.${name}`, each));
  }
  if (inner.value?.entries !== undefined) return rowsOf(`${key}.<name>`, inner.value);
  if (inner.type === 'variant') return variantRows(key, inner);
  const absent = node.type === 'optional' ? 'none' : 'required';
  const { default: preset } = node;
  const shown =
    preset === undefined || typeof preset === 'object' ? absent : `\`${JSON.stringify(preset)}\``;
  return [row(key, allowedOf(inner), shown, descriptionOf(inner) + only)];
}

/** The rows of a map in several forms: `type` first, then each key once, with the forms that have it. */
function variantRows(key: string, node: SchemaNode): string[] {
  const forms = (node.options ?? []).filter((each) => typeof each !== 'string');
  const typeOf = (form: SchemaNode): string => String(form.entries?.['type']?.literal);
  const types = forms.map(typeOf);
  const rows = [row(`${key}.type`, types.join(', '), 'required', descriptionOf(node))];
  const names = new Set(forms.flatMap((form) => Object.keys(form.entries ?? {})));
  names.delete('type');
  for (const name of names) {
    const having = forms.filter((form) => form.entries?.[name] !== undefined);
    const entry = having[0]?.entries?.[name];
    if (entry === undefined) continue;
    const only =
      having.length < forms.length ? ` Only for \`${having.map(typeOf).join('`, `')}\`.` : '';
    rows.push(...rowsOf(`${key}.${name}`, entry, only));
  }
  return rows;
}

function row(key: string, allowed: string, preset: string, meaning: string): string {
  return `| \`${key}\` | ${allowed} | ${preset} | ${meaning} |`;
}

/** What is optional, or what a pipe ends in a map of. */
function unwrap(node: SchemaNode): SchemaNode {
  const inner = node.wrapped ?? node;
  const value = valueOf(inner);
  return value === undefined ? inner : { ...inner, value };
}

/** The form of the values of a map, which may stand deep in pipes of pipes. */
function valueOf(node: SchemaNode): SchemaNode | undefined {
  if (node.value !== undefined) return node.value;
  for (const each of node.pipe ?? []) {
    const value = each === node ? undefined : valueOf(each);
    if (value !== undefined) return value;
  }
  return undefined;
}

function descriptionOf(node: SchemaNode): string {
  return find(unwrap(node), ({ description }) => description) ?? '';
}

function allowedOf(node: SchemaNode): string {
  return find(node, ({ metadata }) => metadata?.allowed) ?? '';
}

/** The last word of a schema's pipe on something. */
function find(
  node: SchemaNode,
  read: (node: SchemaNode) => string | undefined,
): string | undefined {
  for (const each of [...(node.pipe ?? [])].reverse()) {
    const found = read(each) ?? (each === node ? undefined : find(each, read));
    if (found !== undefined) return found;
  }
  return undefined;
}
