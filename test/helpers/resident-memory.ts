import { readFileSync } from 'node:fs';

/** Resident memory that the kernel counts for a process (proc(5), VmRSS), in bytes. */
export function residentBytes(pid: number): number {
  return readBytes(pid, 'VmRSS');
}

/** The most that it ever was (VmHWM). */
export function peakResidentBytes(pid: number): number {
  return readBytes(pid, 'VmHWM');
}

function readBytes(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const [, kibibytes] = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status) ?? [];
  if (kibibytes === undefined) throw new Error(`there is no process ${pid}`);
  return Number(kibibytes) * 1024;
}
