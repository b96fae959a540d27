import { describe, expect, it } from 'vitest';
import { autoTags } from '../../../../src/core/versions/auto-tags.ts';
import type { TaggedVersion } from '../../../../src/model/version.ts';

const NOW = new Date('2026-11-23T04:42:00Z');
const ALL = ['b_daily', 'b_monthly', 'b_weekly'];

function versionFrom(date: Date): TaggedVersion {
  return {
    uid: 'u',
    date,
    name: 'vm',
    snapshotName: '',
    size: 0,
    sizeBytes: 0,
    valid: true,
    protected: false,
    expire: null,
    tags: ALL,
  };
}

function daysAgo(days: number): TaggedVersion {
  return versionFrom(new Date(NOW.getTime() - days * 86_400_000));
}

describe('autoTags', () => {
  it('gives all three to a name without versions', () => {
    expect(autoTags([], NOW)).toEqual(['b_daily', 'b_weekly', 'b_monthly']);
  });

  it.each([
    [0, []],
    [1, ['b_daily']],
    [6, ['b_daily']],
    [7, ['b_daily', 'b_weekly']],
    [30, ['b_daily', 'b_weekly']],
    [31, ['b_daily', 'b_weekly', 'b_monthly']],
    [400, ['b_daily', 'b_weekly', 'b_monthly']],
  ])('for a last one %i days ago gives %j', (days, tags) => {
    expect(autoTags([daysAgo(days)], NOW)).toEqual(tags);
  });

  it('counts days in UTC: one second before midnight was yesterday', () => {
    expect(autoTags([versionFrom(new Date('2026-11-22T23:59:59Z'))], NOW)).toEqual(['b_daily']);
    expect(autoTags([versionFrom(new Date('2026-11-23T00:00:00Z'))], NOW)).toEqual([]);
  });
});
