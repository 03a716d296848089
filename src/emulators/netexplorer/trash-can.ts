/** What was deleted and can be had back, under ids of its own, by the user who deleted it (NetExplorer's page: objects). */
import type { Node } from './tree.js';

export interface TrashEntry {
  readonly id: number;
  readonly node: Node;
  /** Who deleted it, and from which path. */
  readonly owner: number;
  readonly from: string;
  readonly deletion: number;
}

/** That somebody emptied the trash, his or everybody's. */
export interface Emptying {
  readonly login: string;
  readonly all: boolean;
}

export class Trash {
  readonly entries = new Map<number, TrashEntry>();
  readonly emptyings: Emptying[] = [];
  #next = 101;

  add(node: Node, owner: number, from: string, deletion: number): void {
    const id = this.#next++;
    this.entries.set(id, { id, node, owner, from, deletion });
  }
}
