/** A case of a suite, and how it failed. */
export interface JunitCase {
  readonly name: string;
  readonly failure: { readonly type: string; readonly message: string } | undefined;
}

/** The outcomes of a suite in the XML that CI servers read, as JUnit's Ant task writes it. */
export function junitOf(suite: string, cases: readonly JunitCase[]): string {
  const failures = cases.filter(({ failure }) => failure !== undefined).length;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuite name="${escaped(suite)}" tests="${cases.length}" failures="${failures}" errors="0" skipped="0">`,
    ...cases.map(({ name, failure }) => {
      const opened = `  <testcase classname="${escaped(suite)}" name="${escaped(name)}"`;
      if (failure === undefined) return `${opened}/>`;
      const { type, message } = failure;
      return `${opened}><failure type="${escaped(type)}" message="${escaped(message)}"/></testcase>`;
    }),
    '</testsuite>',
    '',
  ].join('\n');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

/** As the value of an attribute; what XML 1.0 (2.2) has no place for becomes a question mark. */
function escaped(text: string): string {
  return text
    .replace(/[^\x20-\ud7ff\ue000-\ufffd]/g, '?')
    .replace(/[&<>"]/g, (c) => entities[c] ?? c);
}
