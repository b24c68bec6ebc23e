// Verifies an exported log, proofs and checkpoints with golang.org/x/mod/sumdb, and nothing of ours.
//
//	tlog log DIRECTORY VKEY                    every entry, every tile, the checkpoint
//	tlog inclusion PROOF ENTRY VKEY            a tlog-proof file and the entry's bytes
//	tlog consistency OLD NEW HASHES VKEY       two checkpoints, and hashes in base64, one per line
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func main() {
	commands := map[string]func([]string) error{
		"log": checkLog, "inclusion": checkInclusion, "consistency": checkConsistency,
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "NOT VERIFIED", err)
		os.Exit(1)
	}
	fmt.Println("verified")
}

// open reads a checkpoint that the key has signed.
func open(signed []byte, vkey string) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, errors.New("not a checkpoint of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// tiles reads tiles of an export; sumdb puts their height into the path, C2SP doesn't.
type tiles struct{ directory string }

func (t tiles) Height() int { return height }

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var read [][]byte
	for _, tile := range wanted {
		path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1)
		data, err := os.ReadFile(filepath.Join(t.directory, path))
		if err != nil {
			return nil, err
		}
		read = append(read, data)
	}
	return read, nil
}

func checkLog(arguments []string) error {
	directory, vkey := arguments[0], arguments[1]
	signed, err := os.ReadFile(filepath.Join(directory, "checkpoint"))
	if err != nil {
		return err
	}
	tree, err := open(signed, vkey)
	if err != nil {
		return err
	}
	reader := tlog.TileHashReader(tree, tiles{directory})
	root, err := tlog.TreeHash(tree.N, reader)
	if err != nil || root != tree.Hash {
		return fmt.Errorf("the tiles have another root: %v", err)
	}
	entries, err := readEntries(directory, tree.N)
	if err != nil {
		return err
	}
	for index, entry := range entries {
		hashes, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, int64(index))})
		if err != nil || hashes[0] != tlog.RecordHash(entry) {
			return fmt.Errorf("entry %d is not what its leaf says: %v", index, err)
		}
	}
	return nil
}

// readEntries takes the bundles apart: each entry behind its length, two bytes.
func readEntries(directory string, size int64) ([][]byte, error) {
	var entries [][]byte
	for start := int64(0); start < size; start += 1 << height {
		tile := tlog.Tile{H: height, L: 0, N: start >> height, W: 1 << height}
		if size-start < 1<<height {
			tile.W = int(size - start)
		}
		path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/0/", height), "tile/entries/", 1)
		data, err := os.ReadFile(filepath.Join(directory, path))
		if err != nil {
			return nil, err
		}
		for n := 0; n < tile.W; n++ {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				return nil, fmt.Errorf("%s ends within an entry", path)
			}
			end := 2 + int(binary.BigEndian.Uint16(data))
			entries, data = append(entries, data[2:end]), data[end:]
		}
		if len(data) > 0 {
			return nil, fmt.Errorf("%s has more entries than the log", path)
		}
	}
	return entries, nil
}

func checkInclusion(arguments []string) error {
	file, err := os.ReadFile(arguments[0])
	if err != nil {
		return err
	}
	entry, err := os.ReadFile(arguments[1])
	if err != nil {
		return err
	}
	head, signed, found := bytes.Cut(file, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !found || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("not a proof file")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return err
	}
	proof, err := parseHashes(lines[2:])
	if err != nil {
		return err
	}
	tree, err := open(signed, arguments[2])
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry))
}

func checkConsistency(arguments []string) error {
	var trees [2]tlog.Tree
	for n := range trees {
		signed, err := os.ReadFile(arguments[n])
		if err != nil {
			return err
		}
		if trees[n], err = open(signed, arguments[3]); err != nil {
			return err
		}
	}
	text, err := os.ReadFile(arguments[2])
	if err != nil {
		return err
	}
	proof, err := parseHashes(strings.Fields(string(text)))
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, trees[1].N, trees[1].Hash, trees[0].N, trees[0].Hash)
}

func parseHashes(lines []string) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, line := range lines {
		raw, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(raw) != tlog.HashSize {
			return nil, errors.New("not a hash")
		}
		var hash tlog.Hash
		copy(hash[:], raw)
		hashes = append(hashes, hash)
	}
	return hashes, nil
}
