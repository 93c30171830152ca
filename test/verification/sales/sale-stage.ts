// The seam between the sales and the stores: what a run needs of a store.
import type { Deduplicator } from 'storagebox/core';
import type { Harm, HarmDone, WorkingProcess } from '../crash/run-processes.js';

/** Where runs take place, one after the other. */
export interface SaleStage {
  readonly store: string;
  /** A project in which the package is installed. */
  readonly project: string;
  /** Besides its own, what the program of a process imports: a module that opens a sale, and one of own writes. */
  readonly modules: readonly URL[];
  /** Past every fault. */
  openSale(items: readonly string[]): Promise<Sale>;
  /** Returns when all that was planned is done and every request has died. */
  runProcesses(processes: readonly WorkingProcess[], harm: Harm): Promise<HarmDone>;
}

/** Its tables, past every fault. */
export interface Sale {
  /** What the processes are told of it. */
  readonly tables: object;
  /** A server of its own, in this process. */
  openServer(): Server;
  assignments(): Promise<readonly AssignmentRow[]>;
  /** How many of the IDs have an item at one moment; `null` if that cannot be told just now. */
  countHaving(ids: readonly string[]): Promise<number | null>;
  audit(): Promise<Audit>;
  openOwnTables(): Promise<OwnTables>;
  dispose(): Promise<void>;
}

export interface Server {
  readonly deduplicator: Deduplicator<unknown>;
  close(): Promise<void>;
}

export interface AssignmentRow {
  readonly id: string;
  readonly item: string;
  readonly isHeld: boolean;
}

/** Is each item in exactly one place? */
export interface Audit {
  readonly inBank: number;
  readonly given: number;
  readonly lost: number;
  readonly twice: number;
}

/** Tables of the user's own: orders, and messages to send. */
export interface OwnTables {
  /** As the processes are told of them. */
  readonly tables: object;
  rows(): Promise<{ readonly orders: readonly OrderRow[]; readonly outbox: readonly OrderRow[] }>;
  dispose(): Promise<void>;
}

export interface OrderRow {
  readonly id: string;
  readonly item: string;
}
