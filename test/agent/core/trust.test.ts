import assert from 'node:assert/strict';
import type { Code } from '../../../protocol/codes.js';
import type { DocumentType } from '../../../protocol/cose/header.js';
import { sealSign } from '../../../protocol/cose/sign.js';
import { sealSign1 } from '../../../protocol/cose/sign1.js';
import { encodeKeyset, type Keyset, type Role } from '../../../protocol/documents/keyset.js';
import type { Result } from '../../../protocol/result.js';
import { Trust } from '../../../agent/core/trust.js';
import type { SigningKey } from '../../../agent/adapters/signing-key.js';
import { fixedKey, sampleKeyset, sampleWallMs } from '../../helpers/documents.js';
import { perform } from '../../helpers/perform.js';

const [first, second, stranger] = [fixedKey(1), fixedKey(2), fixedKey(3)];
const payload = Uint8Array.of(0xa0);

describe('Trust in a keyset', () => {
  const rows: readonly (readonly [
    what: string,
    change: Partial<Keyset>,
    signers: readonly SigningKey[],
    code: Code | undefined,
  ])[] = [
    ['believes one that a root key of its own has signed', {}, [first], undefined],
    [
      'believes one that enough root keys have signed',
      { threshold: 2 },
      [first, second],
      undefined,
    ],
    [
      'does not count signatures of strangers',
      { threshold: 2 },
      [first, stranger],
      'signature-invalid',
    ],
    ['refuses one with too few signatures', { threshold: 2 }, [first], 'signature-invalid'],
    ['refuses one that only a stranger has signed', {}, [stranger], 'signature-invalid'],
    ['does not count a revoked root key', { revoked: [first.kid] }, [first], 'signature-invalid'],
    [
      'refuses one that has expired',
      { expires: sampleWallMs / 1000 - 1 },
      [first],
      'keyset-expired',
    ],
    ['believes one up to its last second', { expires: sampleWallMs / 1000 }, [first], undefined],
    [
      'does not count keys that may sign other things',
      { keys: withRoles(['manifest', 'policy', 'beacon']) },
      [first],
      'signature-invalid',
    ],
  ];
  for (const [what, change, signers, code] of rows) {
    it(what, () => {
      const trust = new Trust();
      assert.equal(codeOf(open(trust, sampleKeyset([first, second], change), signers)), code);
      assert.equal(trust.keysetVersion, code === undefined ? 1 : 0);
    });
  }

  it('refuses a keyset whose bytes were changed', () => {
    const bytes = seal(sampleKeyset([first]), [first]);
    for (let at = 0; at < bytes.length; at++) {
      const trust = new Trust();
      const opened = perform(trust.open(bytes.with(at, (bytes[at] ?? 0) ^ 4), sampleWallMs));
      assert.ok(!opened.ok, `byte ${at}`);
    }
  });
});

describe('Trust in a document', () => {
  const document = (type: Exclude<DocumentType, 'keyset'>, key: SigningKey): Uint8Array =>
    sealSign1(type, key.kid, payload, (bytes) => key.sign(bytes));
  const verify = (
    change: Partial<Keyset>,
    bytes: Uint8Array,
    wanted: {
      readonly type?: 'manifest' | 'policy' | 'beacon';
      readonly slot?: string | undefined;
      readonly wallMs?: number;
    } = {},
  ): Code | undefined => {
    const { type, slot, wallMs } = {
      type: 'policy' as const,
      slot: 'vibration',
      wallMs: sampleWallMs,
      ...wanted,
    };
    const trust = new Trust();
    assert.equal(codeOf(open(trust, sampleKeyset([first, second], change), [first])), undefined);
    return codeOf(perform(trust.verify(bytes, type, slot, wallMs)));
  };

  it('is none before there is a keyset', () => {
    const verified = perform(
      new Trust().verify(document('policy', first), 'policy', 'vibration', sampleWallMs),
    );
    assert.equal(codeOf(verified), 'key-unknown');
  });

  it('gives the payload that was signed', () => {
    const trust = new Trust();
    open(trust, sampleKeyset([first]), [first]);
    const verified = perform(
      trust.verify(document('policy', first), 'policy', 'vibration', sampleWallMs),
    );
    assert.deepEqual(verified, { ok: true, value: payload });
  });

  it('refuses a stranger', () => {
    assert.equal(verify({}, document('policy', stranger)), 'key-unknown');
  });

  it('refuses a stranger who uses the id of a known key', () => {
    const forged = sealSign1('policy', first.kid, payload, (bytes) => stranger.sign(bytes));
    assert.equal(verify({}, forged), 'signature-invalid');
  });

  it('refuses a key that is revoked, whatever it may sign', () => {
    assert.equal(verify({ revoked: [second.kid] }, document('policy', second)), 'key-revoked');
  });

  it('lets a key sign only what its roles name', () => {
    for (const [role, refused] of [
      ['manifest', 'policy'],
      ['policy', 'beacon'],
      ['beacon', 'manifest'],
    ] as const) {
      const change = { keys: withRoles(['root', role]) };
      assert.equal(verify(change, document(role, first), { type: role }), undefined);
      assert.equal(
        verify(change, document(refused, first), { type: refused }),
        'key-role-mismatch',
      );
    }
  });

  it('lets a key sign only for its slots, and documents over all slots', () => {
    // The second sample key is bound to the slot vibration.
    assert.equal(verify({}, document('policy', second), { slot: 'vibration' }), undefined);
    assert.equal(verify({}, document('policy', second), { slot: 'vision' }), 'key-role-mismatch');
    assert.equal(verify({}, document('policy', first), { slot: 'vision' }), undefined);
    assert.equal(
      verify({}, document('beacon', first), { type: 'beacon', slot: undefined }),
      undefined,
    );
  });

  it('refuses everything new after the keyset has expired', () => {
    const later = sampleWallMs + 86_401_000;
    assert.equal(verify({}, document('policy', first), { wallMs: later }), 'keyset-expired');
  });

  it('refuses a document that is signed as another', () => {
    assert.equal(
      verify({}, document('beacon', first), { type: 'policy' }),
      'document-type-mismatch',
    );
  });
});

function withRoles(roles: readonly Role[]): Keyset['keys'] {
  return sampleKeyset([first, second]).keys.map((key) => ({ ...key, roles }));
}

function seal(keyset: Keyset, signers: readonly SigningKey[]): Uint8Array {
  return sealSign('keyset', encodeKeyset(keyset), signers);
}

function open(trust: Trust, keyset: Keyset, signers: readonly SigningKey[]): Result<void> {
  return perform(trust.open(seal(keyset, signers), sampleWallMs));
}

function codeOf(result: Result<unknown>): Code | undefined {
  return result.ok ? undefined : result.rejection.code;
}
