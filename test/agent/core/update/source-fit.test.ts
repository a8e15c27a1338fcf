import assert from 'node:assert/strict';
import type { WindowShape } from '../../../../protocol/documents/pipeline.js';
import type { SourceSettings } from '../../../../agent/core/settings.js';
import {
  checkComparison,
  checkSource,
  type SampleMessage,
} from '../../../../agent/core/update/source-fit.js';

describe('The source of a slot', () => {
  const shape = (frames: number, channels: number) => ({ frames, stride: frames, channels });
  const fields = (count: number): SourceSettings => ({
    topic: 't',
    content: { kind: 'fields', fields: count },
    maxBytes: 4_194_304,
  });
  const picture = (maxBytes = 4_194_304): SourceSettings => ({
    topic: 't',
    content: { kind: 'picture' },
    maxBytes,
  });
  const elements = (maxBytes: number, topic?: string): SourceSettings => ({
    topic,
    content: { kind: 'elements', elementBytes: 4 },
    maxBytes,
  });
  const seen = (values: number, channels: number): SampleMessage => ({ values, channels });

  const rows: readonly (readonly [
    what: string,
    window: WindowShape,
    source: SourceSettings,
    last: SampleMessage | undefined,
    code: string,
  ])[] = [
    ['three fields give three channels', shape(256, 3), fields(3), undefined, 'ok'],
    ['three fields give no other number', shape(256, 1), fields(3), undefined, 'source-mismatch'],
    [
      'pictures of any size are resized',
      { ...shape(9_216, 1), resize: { width: 96, height: 96, fit: 'crop' } },
      picture(8_000),
      seen(30_000, 1),
      'ok',
    ],
    ['one field may be an array of any', shape(256, 3), fields(1), undefined, 'ok'],
    ['an array of six is two frames of three', shape(256, 3), fields(1), seen(6, 2), 'ok'],
    [
      'an array of six is no frame of four',
      shape(256, 4),
      fields(1),
      seen(6, 2),
      'source-mismatch',
    ],
    ['pictures are grey', shape(9_216, 1), picture(), undefined, 'ok'],
    ['pictures are in colour', shape(9_216, 3), picture(), undefined, 'ok'],
    ['pictures have no two channels', shape(9_216, 2), picture(), undefined, 'source-mismatch'],
    ['grey pictures come in colour too', shape(9_216, 3), picture(), seen(9_216, 1), 'ok'],
    ['pictures keep their pixels', shape(9_216, 1), picture(), seen(4_096, 1), 'source-mismatch'],
    [
      'as many values are no picture of the same size',
      shape(768, 1),
      picture(),
      seen(768, 3),
      'source-mismatch',
    ],
    ['a picture fits its limit', shape(9_216, 1), picture(9_270), undefined, 'ok'],
    [
      'a picture does not fit a lower one',
      shape(9_216, 1),
      picture(9_269),
      undefined,
      'source-limit-exceeded',
    ],
    [
      'a frame does not fit its limit',
      shape(1, 300),
      elements(1_199, 't'),
      undefined,
      'source-limit-exceeded',
    ],
    ['a frame fits its limit', shape(1_000, 300), elements(1_200, 't'), undefined, 'ok'],
    ['a stream has no messages', shape(1, 300), elements(1_024), seen(7, 1), 'ok'],
    ['of which nothing is known gives anything', shape(256, 3), {}, undefined, 'ok'],
  ];
  for (const [what, window, source, last, code] of rows) {
    it(what, () => {
      const checked = checkSource(window, source, last);
      assert.equal(checked.ok ? 'ok' : checked.rejection.code, code);
    });
  }
});

describe('Windows of two releases', () => {
  const picture = { frames: 64, stride: 64, channels: 3 };
  const resized = (fit: 'crop' | 'stretch'): WindowShape => ({
    ...picture,
    resize: { width: 8, height: 8, fit },
  });
  const detailOf = (champion: WindowShape, challenger: WindowShape): string => {
    const checked = checkComparison(champion, challenger);
    if (checked.ok) return '';
    assert.equal(checked.rejection.code, 'comparison-impossible');
    return checked.rejection.detail;
  };

  it('are compared where they have as many values and are resized alike', () => {
    assert.equal(detailOf(picture, { frames: 192, stride: 20, channels: 1 }), '');
    assert.equal(detailOf(resized('crop'), resized('crop')), '');
  });

  it('are not compared where one sees more, or pictures that are resized otherwise', () => {
    assert.match(detailOf(picture, { ...picture, frames: 65 }), /^windows of 195 .* have 192$/);
    assert.match(
      detailOf(resized('crop'), resized('stretch')),
      /^its pictures become 8 x 8 by stretch, those of the champion become 8 x 8 by crop$/,
    );
    assert.match(detailOf(resized('crop'), picture), /^its pictures are as they come, /);
  });
});
